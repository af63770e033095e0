import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readNifti, writeNifti, writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import type { EvaluationResult } from "@lobule/train";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../testing/run-command.js";

const run = (...words: readonly string[]) => runCommand(words);

let root: string;
let trained: string;
const at = (...names: string[]): string => join(root, ...names);

const readEvaluation = async (...names: string[]): Promise<EvaluationResult> =>
  JSON.parse(await readFile(at(...names), "utf8"));
const evaluationsOf = async (name: string): Promise<string[]> =>
  (await readdir(at(name, "evaluation"))).filter((each) => each.endsWith(".json")).sort();

/** A run of its own for a test, on data that are where they were. */
async function copyOfRun(name: string): Promise<string> {
  await cp(trained, at(name), { recursive: true });
  return at(name);
}

/** The phantom task in another folder, its labels called otherwise. */
async function otherData(name: string, labels?: Readonly<Record<string, string>>, seed = 7): Promise<string> {
  await writePhantom(nodeStorage, at(name), { cases: 3, testCases: 0, size: 16, slices: [3, 4], seed });
  if (labels !== undefined) await changeDescription(name, { labels });
  return at(name);
}

/** Changes dataset.json. */
async function changeDescription(name: string, change: object): Promise<void> {
  const path = at(name, "dataset.json");
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), ...change }));
}

const small = ["--size", "16", "--network", "unet", "--skip", "add", "--base-features", "1", "--depth", "1"];

async function train(out: string, data: string, ...more: string[]): Promise<void> {
  const words = ["--data", data, "--cache", at("cache"), "--batch", "4", ...small];
  const { code, err } = await run("train", ...words, "--out", out, ...more);
  expect(code, err).toBe(0);
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-evaluate-"));
  await writePhantom(nodeStorage, at("data"), { cases: 4, testCases: 0, size: 16, slices: [3, 4], seed: 2 });
  trained = at("run");
  await train(trained, at("data"), "--epochs", "1");
}, 120_000);
afterAll(() => rm(root, { recursive: true, force: true }));

describe("labels of another folder", () => {
  test("in another order they are refused with the flags to give, which measure as in the right order", async () => {
    const [right, wrong] = [
      await otherData("right"),
      await otherData("wrong", { 0: "background", 1: "cancer", 2: "liver" }),
    ];
    await swapAllLabels(wrong, [0, 2, 1]);
    const model = await copyOfRun("labels");
    const refused = await run("evaluate", model, "--data", wrong);
    expect(refused).toEqual({
      code: 1,
      out: "",
      err: `lobule: the labels of ${wrong} (0 background, 1 cancer, 2 liver) are not those of ${model} (0 background, 1 liver, 2 cancer); say what each counts as: --map 1=2 --map 2=1\n`,
    });
    const mapped = await run("evaluate", model, "--data", wrong, "--map", "1=2", "--map", "liver=liver", "--json");
    expect(mapped.code, mapped.err).toBe(0);
    const plain = await run("evaluate", model, "--data", right, "--json");
    const [a, b]: EvaluationResult[] = [JSON.parse(mapped.out), JSON.parse(plain.out)];
    expect(a?.classes).toEqual(b?.classes);
    expect(a?.provenance?.settings.map).toEqual([
      { from: 1, to: 2 },
      { from: 2, to: 1 },
    ]);
    expect(mapped.err).toContain("1 cancer as 2 cancer, 2 liver as 1 liver");
    expect(await evaluationsOf("labels")).toHaveLength(2);
  });

  test("a fourth class is refused before anything runs, and can count as another or as background", async () => {
    const four = await otherData("four", { 0: "background", 1: "Liver", 2: "cancer ", 3: "cyst" });
    const model = await copyOfRun("fourth");
    const refused = await run("evaluate", model, "--data", four);
    expect(refused).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringContaining("--map 3=0 (cyst counts as background then"),
    });
    expect(refused.err.trim().split("\n")).toHaveLength(1);
    const mapped = await run("evaluate", model, "--data", four, "--map", "3=0");
    expect(mapped.code, mapped.err).toBe(0);
    expect(mapped.out).toContain("labels are counted as asked for by --map: 3 cyst as 0 background");
  });

  test("a class that the folder does not have is not measured, and another modality is named", async () => {
    const fewer = await otherData("fewer", { 0: "background", 1: "liver" });
    await changeDescription("fewer", { modality: { 0: "MRI" } });
    await swapAllLabels(fewer, [0, 1, 1]);
    const { code, out, err } = await run("evaluate", await copyOfRun("fewer-run"), "--data", fewer);
    expect(code, err).toBe(0);
    expect(out).toContain("liver (label 1)");
    expect(out).not.toContain("cancer (label 2)");
    expect(out.replaceAll(/\n\s*/g, " ")).toContain("has no label for cancer, so that is not measured");
    expect(err).toMatch(/trained on CT, but the images of .* are MRI by its dataset\.json/);
  });
});

describe("cases that the run was trained on", () => {
  test("are left out by what they hold, under any name and with any labels; --include-training marks them", async () => {
    const leak = await otherData("leak");
    const model = await copyOfRun("leaked");
    const { training }: { training: string[] } = JSON.parse(await readFile(join(model, "split.json"), "utf8"));
    const [first, second] = training;
    for (const [name, to] of [
      [first, "phantom_001"],
      [second, "phantom_002"],
    ])
      for (const part of ["imagesTr", "labelsTr"])
        await cp(at("data", part, `${name}.nii.gz`), join(leak, part, `${to}.nii.gz`));
    await swapLabels(join(leak, "labelsTr", "phantom_002.nii.gz"), [0, 2, 1]);
    const without = await run("evaluate", model, "--data", leak, "--json");
    expect(without.code, without.err).toBe(0);
    const result: EvaluationResult = JSON.parse(without.out);
    expect(result.cases.map(({ name }) => name)).toEqual(["phantom_003"]);
    expect(result.cases[0]?.source?.use).toBe("none");
    expect(result.provenance?.leftOut).toEqual(["phantom_001", "phantom_002"]);
    const included = await run("evaluate", model, "--data", leak, "--include-training");
    expect(included.code, included.err).toBe(0);
    expect(included.out).toContain("liver (label 1, 2 of 3 cases trained on)");
    expect(included.out).toContain("these are no held-out");
    const [name = ""] = (await evaluationsOf("leaked")).filter((each) => each.endsWith("-with-training.json"));
    expect((await readEvaluation("leaked", "evaluation", name)).cases.map(({ source }) => source?.use)).toEqual([
      "training",
      "training",
      "none",
    ]);
    const csv = await readFile(at("leaked", "evaluation", name.replace(".json", ".csv")), "utf8");
    expect(csv.match(/^phantom_00[12],.*,training,/gm)).toHaveLength(4);
    await rm(join(leak, "imagesTr", "phantom_003.nii.gz"));
    await changeDescription("leak", {
      training: [1, 2].map((n) => ({
        image: `imagesTr/phantom_00${n}.nii.gz`,
        label: `labelsTr/phantom_00${n}.nii.gz`,
      })),
    });
    expect(await run("evaluate", model, "--data", leak)).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /was trained on all of .*leak \(phantom_001, phantom_002\); --include-training measures it/,
      ),
    });
  });

  test("a run of an older version, which did not write down what it was trained on, says so", async () => {
    const model = await copyOfRun("older");
    await rm(join(model, "workload.json"));
    const { code, err, out } = await run("evaluate", model, "--data", await otherData("for-older"));
    expect(code, err).toBe(0);
    expect(err).toContain("it cannot be checked whether the run was trained on these cases");
    expect(out).toContain("it cannot be checked");
  });
});

describe("a folder that moved or was rebuilt", () => {
  test("moved, its held-out cases are the run's validation, and training resumes there", async () => {
    const [from, to] = [at("moving"), at("moved")];
    await cp(at("data"), from, { recursive: true });
    await train(at("mover"), from, "--epochs", "3", "--pause-after", "1");
    await rename(from, to);
    const lost = await run("evaluate", at("mover"));
    expect(lost).toMatchObject({
      code: 1,
      err: expect.stringMatching(/moving .*; if the data have moved, name their folder by --data/),
    });
    const found = await run("evaluate", at("mover"), "--data", to);
    expect(found.code, found.err).toBe(0);
    expect(await evaluationsOf("mover")).toEqual(["validation.json"]);
    const { cases, provenance } = await readEvaluation("mover", "evaluation", "validation.json");
    expect(cases).toHaveLength(1);
    expect(provenance).toMatchObject({
      run: { state: "epoch 1 of 3, interrupted", finished: false },
      checkpoint: { epoch: 1 },
    });
    expect(found.out).toContain("run: epoch 1 of 3, interrupted");
    const resumed = await run("train", "--resume", at("mover"), "--data", to, "--cache", at("cache"));
    expect(resumed.code, resumed.err).toBe(0);
    expect(resumed.out).toContain(`note: the run's data are in ${to} now`);
    const own = await run("evaluate", at("mover"));
    expect(own.code, own.err).toBe(0);
    expect(own.out).toContain("run: epoch 3 of 3, all epochs done");
  });

  test("rebuilt, the table says which case holds something else by now", async () => {
    const data = at("rebuilt");
    await cp(at("data"), data, { recursive: true });
    await train(at("rebuilder"), data, "--epochs", "1");
    const { validation }: { validation: string[] } = JSON.parse(await readFile(at("rebuilder", "split.json"), "utf8"));
    const path = join(data, "imagesTr", `${validation[0]}.nii.gz`);
    const volume = await readNifti(nodeStorage, path);
    await writeNifti(nodeStorage, path, { ...volume, data: volume.data.map((value) => value + 1) as Int16Array });
    const { code, out, err } = await run("evaluate", at("rebuilder"));
    expect(code, err).toBe(0);
    expect(out.replaceAll(/\n\s*/g, " ")).toContain(
      `${validation[0]}: no longer holds what it held when the run began`,
    );
  });
});

describe("files of a measurement", () => {
  test("a folder called 'validation' and other settings leave the run's own measurement as it is", async () => {
    const model = await copyOfRun("names");
    expect((await run("evaluate", model)).code).toBe(0);
    const before = await readFile(join(model, "evaluation", "validation.json"), "utf8");
    await mkdir(at("sub"));
    await otherData("validation");
    await otherData(join("sub", "validation"), undefined, 9);
    for (const words of [
      ["--data", at("validation")],
      ["--data", at("sub", "validation")],
      ["--mirror"],
      ["--tolerance", "1"],
    ]) {
      const { code, err } = await run("evaluate", model, ...words);
      expect(code, err).toBe(0);
    }
    expect(await readFile(join(model, "evaluation", "validation.json"), "utf8")).toBe(before);
    expect(await evaluationsOf("names")).toEqual([
      expect.stringMatching(/^validation-[0-9a-f]{8}\.json$/),
      expect.stringMatching(/^validation-[0-9a-f]{8}\.json$/),
      "validation-mirror.json",
      "validation-tolerance1.json",
      "validation.json",
    ]);
  });

  test("where the run's folder cannot take them, that is said before a case is measured", async () => {
    const model = await copyOfRun("taken");
    await writeFile(join(model, "evaluation"), "not a folder");
    expect(await run("evaluate", model)).toEqual({
      code: 1,
      out: "",
      err: `lobule: --out: ${join(model, "evaluation")} is a file; name a folder\n`,
    });
  });

  test("two runs do not share a folder of measurements", async () => {
    const [a, b, out] = [await copyOfRun("one"), await copyOfRun("two"), at("shared")];
    expect((await run("evaluate", a, "--out", out)).code).toBe(0);
    expect((await run("evaluate", a, "--out", out)).code).toBe(0);
    expect(await run("evaluate", b, "--out", out)).toMatchObject({
      code: 1,
      err: `lobule: ${join(out, "validation")}.json is the measurement of ${a}; name another folder with --out\n`,
    });
  });
});

describe("a case that cannot be measured", () => {
  test("does not keep the others from it; the same command then measures what is missing", async () => {
    const data = await otherData("cut");
    const model = await copyOfRun("partly");
    const path = join(data, "imagesTr", "phantom_002.nii.gz");
    const whole = await readFile(path);
    await truncate(path, Math.floor(whole.length / 2));
    await writeFile(join(data, "labelsTr", "phantom_003.nii.gz"), "no NIfTI");
    const partly = await run("evaluate", model, "--data", data);
    expect(partly.code).toBe(1);
    expect(partly.out).toContain("liver (label 1)");
    expect(partly.err).toMatch(
      /lobule: 2 of 3 cases could not be measured: phantom_003: .*; phantom_002: .*; the others are in .*cut-[0-9a-f]{8}\.json, and the same command/,
    );
    const [name = ""] = await evaluationsOf("partly");
    const before = await readEvaluation("partly", "evaluation", name);
    expect(before.provenance?.failures.map((each) => each.name)).toEqual(["phantom_003", "phantom_002"]);
    const csv = await readFile(at("partly", "evaluation", name.replace(".json", ".csv")), "utf8");
    expect(csv).toMatch(/^phantom_002,,.*phantom_002\.nii\.gz/m);
    await writeFile(path, whole);
    await cp(at("right", "labelsTr", "phantom_003.nii.gz"), join(data, "labelsTr", "phantom_003.nii.gz"));
    const again = await run("evaluate", model, "--data", data);
    expect(again.code, again.err).toBe(0);
    const after = await readEvaluation("partly", "evaluation", name);
    expect(after.cases.map((each) => each.name)).toEqual(["phantom_001", "phantom_002", "phantom_003"]);
    expect(after.cases[0]).toEqual(before.cases[0]);
    expect(after.provenance?.failures).toEqual([]);
  });
});

/** Rewrites a label map with other values. */
async function swapLabels(path: string, to: readonly number[]): Promise<void> {
  const volume = await readNifti(nodeStorage, path);
  await writeNifti(nodeStorage, path, { ...volume, data: Uint8Array.from(volume.data, (value) => to[value] ?? 0) });
}

async function swapAllLabels(data: string, to: readonly number[]): Promise<void> {
  for (const name of await readdir(join(data, "labelsTr"))) await swapLabels(join(data, "labelsTr", name), to);
}
