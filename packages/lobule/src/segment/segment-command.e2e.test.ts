import { mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readNifti, writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../testing/run-command.js";

const run = (...words: readonly string[]) => runCommand(words);

let root: string;
const at = (...names: string[]): string => join(root, ...names);
const segment = (out: string, ...more: string[]) =>
  run("segment", at("data", "imagesTr"), "-m", at("run"), "-o", at(out), ...more);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-segment-"));
  await writePhantom(nodeStorage, at("data"), { cases: 4, testCases: 0, size: 16, slices: [3, 4], seed: 2 });
  const network = ["--network", "unet", "--skip", "add", "--base-features", "1", "--depth", "1"];
  const size = [...network, "--size", "16", "--batch", "4"];
  const words = [
    "--data",
    at("data"),
    "--cache",
    at("cache"),
    "--out",
    at("run"),
    "--epochs",
    "2",
    "--pause-after",
    "1",
  ];
  const { code, err } = await run("train", ...words, ...size);
  expect(code, err).toBe(0);
}, 120_000);
afterAll(() => rm(root, { recursive: true, force: true }));

describe("a folder of scans of which some cannot be read", () => {
  test("the others are labeled, the failures listed; the same command does what is missing", async () => {
    const path = (n: number): string => at("data", "imagesTr", `phantom_00${n}.nii.gz`);
    const [second, third] = [await readFile(path(2)), await readFile(path(3))];
    await truncate(path(2), Math.floor(second.length / 2));
    await writeFile(path(3), "no NIfTI");
    const partly = await segment("labels");
    expect(partly.code).toBe(1);
    expect(partly.err).toMatch(
      /lobule: 2 of 4 scans could not be segmented: .*phantom_002\.nii\.gz.*; .*phantom_003\.nii\.gz.*; the others are, and the same command does what is missing/,
    );
    expect((await readdir(at("labels"))).sort()).toEqual(["phantom_001.nii.gz", "phantom_004.nii.gz", "segment.json"]);
    const before = await stat(at("labels", "phantom_001.nii.gz"));
    await writeFile(path(2), second);
    await writeFile(path(3), third);
    const again = await segment("labels");
    expect(again.code, again.err).toBe(0);
    expect(again.out).toMatch(/phantom_001\.nii\.gz: liver .* ml, cancer .* ml \(there already\)\n/);
    expect(again.out).toMatch(/phantom_002\.nii\.gz: liver .* ml, cancer .* ml\n/);
    expect((await stat(at("labels", "phantom_001.nii.gz"))).mtimeMs).toBe(before.mtimeMs);
    expect(await readdir(at("labels"))).toHaveLength(5);
  });

  test("where none can be read, the GPU is not even opened", async () => {
    await writeFile(at("none.nii"), "no NIfTI");
    const { code, out, err } = await run("segment", at("none.nii"), "-m", at("run"), "-o", at("x.nii.gz"));
    expect({ code, out }).toEqual({ code: 1, out: "" });
    const own = err
      .trim()
      .split("\n")
      .filter((line) => !line.startsWith("note: "));
    expect(own).toEqual([expect.stringMatching(/^lobule: .*none\.nii/)]);
  });
});

describe("labels that are there", () => {
  test("count as done only if this model made them of this scan with these settings", async () => {
    expect((await segment("kept", "--json")).code).toBe(0);
    const lines = (await segment("kept", "--json")).out.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).alreadyThere)).toEqual([true, true, true, true]);
    const refused = { code: 1, out: "", err: expect.stringContaining("is there already; remove it or add --force") };
    expect(await segment("kept", "--mirror")).toMatchObject(refused);
    await writeFile(at("kept", "phantom_001.nii.gz"), "another file");
    expect(await segment("kept")).toMatchObject(refused);
    expect(await readFile(at("kept", "phantom_001.nii.gz"), "utf8")).toBe("another file");
    expect((await segment("kept", "--force")).code).toBe(0);
    const [a, b] = [at("data", "imagesTr", "phantom_001.nii.gz"), at("data", "imagesTr", "phantom_002.nii.gz")];
    await rename(a, at("aside"));
    await rename(b, a);
    await rename(at("aside"), b);
    expect(await segment("kept")).toMatchObject(refused);
  });

  test("without their picture are segmented again where one is asked for", async () => {
    expect((await segment("pictures")).code).toBe(0);
    const { code, err } = await segment("pictures", "--preview");
    expect(code, err).toBe(0);
    expect((await readdir(at("pictures"))).filter((name) => name.endsWith(".png"))).toHaveLength(4);
  });
});

test("several models are averaged, each given by a -m of its own", async () => {
  const scan = at("data", "imagesTr", "phantom_004.nii.gz");
  const by = (out: string, ...more: string[]) => run("segment", scan, "-m", at("run"), ...more, "-o", at(out));
  expect((await by("by-one.nii.gz")).code).toBe(0);
  const twice = await by("by-two.nii.gz", "-m", at("run", "checkpoints", "best.safetensors"));
  expect(twice.code, twice.err).toBe(0);
  // Both are the same weights.
  expect(twice.err).toMatch(/note: .*best\.safetensors is given more than once, and the scores count each time/);
  expect(await readFile(at("by-two.nii.gz"))).toEqual(await readFile(at("by-one.nii.gz")));
});

test("an unfinished run and another modality are noted", async () => {
  const path = at("data", "dataset.json");
  const json = await readFile(path, "utf8");
  await writeFile(path, JSON.stringify({ ...JSON.parse(json), modality: { 0: "MRI" } }));
  const { code, err } = await segment("noted");
  await writeFile(path, json);
  expect(code, err).toBe(0);
  expect(err).toContain(`note: ${at("run")} is not trained to its end (epoch 1 of 2, interrupted)`);
  expect(err).toMatch(/note: .*run was trained on CT, but the images of .*data are MRI by its dataset\.json/);
});

test("maps of how unsure models are go where labels do; one of other origin is not taken for the model's", async () => {
  const scan = at("data", "imagesTr", "phantom_002.nii.gz");
  const alone = await run("segment", scan, "-m", at("run"), "-o", at("one.nii.gz"), "--disagreement", at("d.nii.gz"));
  expect(alone.code).toBe(1);
  expect(alone.err).toContain("--disagreement is of several models; give more than one -m, or --uncertainty for one");
  const words = ["segment", scan, "-m", at("run"), "-m", at("run"), "-o", at("unsure")];
  const maps = ["--uncertainty", at("entropy"), "--disagreement", at("disagreement")];
  expect((await run(...words)).code).toBe(0);
  const { code, err } = await run(...words, ...maps, "--force");
  expect(code, err).toBe(0);
  const entropy = (await readNifti(nodeStorage, at("entropy", "phantom_002.nii.gz"))).data;
  expect(entropy.every((value) => value >= 0 && value <= Math.log(3) + 1e-6)).toBe(true);
  expect(entropy.some((value) => value > 0)).toBe(true);
  // Both are the same model.
  const { data } = await readNifti(nodeStorage, at("disagreement", "phantom_002.nii.gz"));
  expect(data.every((value) => value < 1e-6)).toBe(true);
  expect((await run(...words, ...maps)).out).toContain("(there already)");
  // Labels that are lost are written again beside their maps.
  await rm(at("unsure", "phantom_002.nii.gz"));
  const again = await run(...words, ...maps);
  expect(again.code, again.err).toBe(0);
  await writeFile(at("entropy", "phantom_002.nii.gz"), "of another model");
  const refused = await run(...words, ...maps);
  expect(refused.code).toBe(1);
  expect(refused.err).toContain(`${at("entropy", "phantom_002.nii.gz")} is there already`);
});

test("what `postprocess` chose is done to labels, unless it is left off or the weights are others", async () => {
  const { code, out, err } = await run("postprocess", at("run"));
  expect(code, err).toBe(0);
  expect(out).toContain(at("run", "postprocessing.json"));
  const file = at("run", "postprocessing.json");
  const chosen = JSON.parse(await readFile(file, "utf8"));
  // No component is that large.
  const rules = [1, 2].map((label) => ({
    label,
    name: `class ${label}`,
    largest: false,
    leastMilliliters: 1e9,
    dice: { without: 0.5, with: 0.6 },
  }));
  const scan = at("data", "imagesTr", "phantom_002.nii.gz");
  let notes = "";
  const labeled = async (name: string, checkpoint: string, ...more: readonly string[]): Promise<number[]> => {
    await writeFile(file, JSON.stringify({ ...chosen, checkpoint, rules }));
    const result = await run("segment", scan, "-m", at("run"), "-o", at(name), ...more);
    expect(result.code, result.err).toBe(0);
    notes = result.err;
    return [...(await readNifti(nodeStorage, at(name))).data];
  };
  const without = await labeled("p1.nii.gz", chosen.checkpoint, "--no-postprocessing");
  expect(without.some((label) => label !== 0)).toBe(true);
  expect(notes).not.toContain("post-process");
  expect((await labeled("p2.nii.gz", chosen.checkpoint)).every((label) => label === 0)).toBe(true);
  expect(notes).toContain("note: labels are post-processed: class 1: components of 1000000000 ml or more (per-case 3D");
  expect(await labeled("p4.nii.gz", chosen.checkpoint, "-m", at("run"))).toEqual(without);
  expect(notes).toContain(`note: the post-processing chosen for ${at("run")} is not done to labels of several models`);
  expect(await labeled("p3.nii.gz", "0".repeat(64))).toEqual(without);
  await rm(file);
});
