import { appendFile, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readNiftiHeader, writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand as run } from "../testing/run-command.js";

let root: string;
let data: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-cli-"));
  data = join(root, "data");
  // Where models of one's own are remembered.
  process.env.XDG_CONFIG_HOME = join(root, "config");
  await writePhantom(nodeStorage, data, { cases: 4, testCases: 1, size: 16, slices: [4, 6], seed: 2 });
});
afterAll(() => rm(root, { recursive: true, force: true }));

const ownModel = fileURLToPath(new URL("../../../../examples/src/custom-kernel/my-model.ts", import.meta.url));
/** The least to compile, where the network is not what is tested. */
const light = ["--network", "unet", "--skip", "add"];
const small = () => [
  ...["--data", data, "--cache", join(root, "cache")],
  ...["--size", "16", "--base-features", "1", "--depth", "1"],
];

describe("from a folder to labels", () => {
  test("train, evaluate, segment", async () => {
    const model = join(root, "run");
    const trained = await run(["train", ...small(), "--out", model, "--batch", "4", "--epochs", "2", "--json"]);
    expect(trained.code, trained.err).toBe(0);
    const records = trained.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { epoch: number });
    expect(records.map(({ epoch }) => epoch)).toEqual([0, 1]);
    expect((await readdir(model)).sort()).toEqual(
      [
        "checkpoints",
        "config.json",
        "environment.json",
        "metrics.jsonl",
        "report.html",
        "split.json",
        "tensorboard",
        "workload.json",
      ].sort(),
    );

    const evaluated = await run(["evaluate", model]);
    expect(evaluated.code, evaluated.err).toBe(0);
    expect(evaluated.out).toContain("Dice, per-case 3D");
    for (const line of evaluated.out.split("\n"))
      if (!line.startsWith("written")) expect(line.length).toBeLessThanOrEqual(80);
    expect((await readdir(join(model, "evaluation"))).sort()).toEqual(["validation.csv", "validation.json"]);

    const labels = join(root, "labels");
    const words = ["segment", join(data, "imagesTs"), "-m", model, "-o", labels, "--preview", "--mirror", "--json"];
    const segmented = await run(words);
    expect(segmented.code, segmented.err).toBe(0);
    const { scan, output, volumes } = JSON.parse(segmented.out) as { scan: string; output: string; volumes: unknown[] };
    expect(volumes).toHaveLength(2);
    const [before, after] = [await readNiftiHeader(nodeStorage, scan), await readNiftiHeader(nodeStorage, output)];
    expect(after).toMatchObject({
      shape: before.shape,
      affine: before.affine,
      spacing: before.spacing,
      datatype: "uint8",
    });
    expect((await stat(output.replace(".nii.gz", ".png"))).size).toBeGreaterThan(100);
    expect(JSON.parse((await run(words)).out)).toMatchObject({ output, volumes, alreadyThere: true });

    const inside = join(root, "inside");
    const look = ["inspect", join(data, "imagesTr", "phantom_001.nii.gz"), "-m", model, "-o", inside];
    const inspected = await run([...look, "--labels", join(data, "labelsTr", "phantom_001.nii.gz")]);
    expect(inspected.code, inspected.err).toBe(0);
    expect((await readdir(inside)).sort()).toEqual(["gates.png", "layers.json"]);
    expect(await run([...look, "--slice", "1"])).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /layers\.json is of slice \d of .*phantom_001\.nii\.gz by .*; name another folder with -o/,
      ),
    });
    for (const line of inspected.out.split("\n"))
      if (!line.startsWith("written")) expect(line.length).toBeLessThanOrEqual(80);
    expect(await run([...look, "--slice", "99"])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/--slice must be a whole number from 1 to \d for .*, got 99/),
    });
  });

  test("a network of one's own, with a kernel of its own", async () => {
    const out = join(root, "own");
    const trained = await run([
      "train",
      ...small(),
      "--out",
      out,
      "--batch",
      "4",
      "--epochs",
      "1",
      "--model",
      ownModel,
    ]);
    expect(trained.code, trained.err).toBe(0);
    expect(await readdir(out)).toContain("model.cjs");
    const segmented = await run([
      "segment",
      join(data, "imagesTs"),
      "-m",
      out,
      "-o",
      join(root, "own-labels"),
      "--json",
    ]);
    expect(segmented.code, segmented.err).toBe(0);
    expect(JSON.parse(segmented.out)).toMatchObject({ volumes: [{ name: "liver" }, { name: "cancer" }] });
    // As on another machine, whose user did not train it.
    await rm(join(root, "config"), { recursive: true });
    const again = ["segment", join(data, "imagesTs"), "-o", join(root, "again"), "-m"];
    const uses = [
      [...again, out],
      [...again, join(out, "checkpoints", "best.safetensors")],
      ["evaluate", out],
      ["inspect", join(data, "imagesTs", "phantom_005.nii.gz"), "-m", out, "-o", join(root, "looked")],
      ["summary", out],
      ["train", "--resume", out],
      ["train", "--config", join(out, "config.json"), "--out", join(root, "copied")],
    ];
    for (const words of uses) {
      expect(await run(words)).toMatchObject({
        code: 1,
        err: expect.stringMatching(/runs its code \(SHA-256 [0-9a-f]{64}\).* if you trust it add --trust-code/),
      });
    }
    expect(await readdir(root)).not.toContain("copied");
    const trusted = await run([...again, out, "--trust-code"]);
    expect(trusted.code, trusted.err).toBe(0);
    expect((await run(["train", "--resume", out, "--trust-code"])).code).toBe(0);
    await appendFile(join(out, "model.cjs"), "// changed\n");
    expect(await run(["train", "--resume", out])).toMatchObject({
      code: 1,
      err: expect.stringContaining("model.cjs: is not the code that the weights were trained with; restore it"),
    });
  });

  test("stopped by Ctrl-C it prints the command that resumes the run, which it does", async () => {
    const out = join(root, "stopped");
    const words = ["train", ...small(), ...light, "--out", out, "--batch", "2", "--epochs", "40"];
    const stopped = await run(words, (text, kill) => {
      if (/^epoch +1 +loss/m.test(text)) kill("SIGINT"); // the line of a whole epoch, not of its progress
    });
    expect(stopped.code).toBe(130);
    expect(stopped.err).toMatch(
      new RegExp(`Go on with: .*lobule.js train --resume ${out} --cache ${join(root, "cache")}\n$`),
    );
    await writeFile(join(out, "run.lock"), `${process.pid} ${hostname()}\n`);
    const second = await run(["train", "--resume", out]);
    expect(second).toMatchObject({ code: 1, err: expect.stringContaining(`process ${process.pid} trains ${out} now`) });
    // What a killed process leaves does not stand in the way: no process has this number.
    await writeFile(join(out, "run.lock"), `${2 ** 22 + 1} ${hostname()}\n`);
    const gone = await run(["train", "--resume", out, "--cache", join(root, "cache")], (text, kill) => {
      if (/^epoch +[3-9] /m.test(text)) kill("SIGTERM");
    });
    expect(gone.code).toBe(143);
    expect(gone.out).not.toMatch(/^epoch +1 +loss/m);
    expect(await readdir(out)).not.toContain("run.lock");
  });
});

describe("bad input: one sentence, exit code 1, no stack", () => {
  test.each([
    ["no folder", () => ["train", "--out", join(root, "x")], /--data is missing; it needs a Decathlon folder/],
    ["a folder that is not there", () => ["train", "--data", join(root, "no"), "--out", join(root, "x")], /no/],
    [
      "a size that does not divide",
      () => ["train", "--data", data, "--size", "20", "--out", join(root, "x")],
      /--size must be a multiple of 16 .*, got 20/,
    ],
    [
      "a config that is no JSON",
      () => ["train", ...small(), "--config", join(root, "bad.json"), "--out", join(root, "x")],
      /bad\.json is not valid JSON: .* at line 1, column 3; give a YAML or JSON file/,
    ],
    [
      "a name in YAML that is no setting",
      () => ["train", ...small(), "--config", join(root, "bad.yaml"), "--out", join(root, "x")],
      /'loss\.gama' of .*bad\.yaml \(line 3\) is no setting; did you mean 'gamma'\?/,
    ],
    [
      "groups that do not divide",
      () => ["train", ...small(), "--norm", "group", "--groups", "3", "--out", join(root, "x")],
      /3 groups do not divide the 1 channels of level 0; 1 would fit/,
    ],
    [
      "a network of no name",
      () => ["train", ...small(), "--network", "resnet"],
      /--network is one of unet, res-unet, .*, got 'resnet'; did you mean res-unet\?/,
    ],
    [
      "a model with a mistake",
      () => ["train", ...small(), "--model", join(root, "bad.ts"), "--out", join(root, "x")],
      /bad\.ts: line 1 of bad\.ts: Unexpected "="/,
    ],
    [
      "a model that is none",
      () => ["train", ...small(), "--model", join(root, "none.ts"), "--out", join(root, "x")],
      /none\.ts: its default export must return a Module with a forward method/,
    ],
    [
      "a model that imports Node's modules",
      () => ["train", ...small(), "--model", join(root, "node.ts"), "--out", join(root, "x")],
      /node\.ts: line 1 of node\.ts: Could not resolve "node:fs"/,
    ],
    [
      "a parameter of another loss",
      () => ["train", ...small(), "--loss", "tversky", "--gamma", "2", "--out", join(root, "x")],
      /--gamma has no effect with the loss 'tversky'; it goes with focal, dice-focal/,
    ],
    [
      "class weights that do not fit",
      () => ["train", ...small(), "--loss", "focal", "--class-weights", "1", "2", "--out", join(root, "x")],
      /2 class weights, the data have 3 classes/,
    ],
    [
      "a momentum without SGD",
      () => ["train", ...small(), "--momentum", "0.9", "--out", join(root, "x")],
      /--momentum has no effect with the optimizer 'adam'; it goes with sgd/,
    ],
    ["a run that is none", () => ["train", "--resume", data], /is no run folder/],
    [
      "a model that is not there",
      () => ["segment", data, "-m", join(root, "no"), "-o", join(root, "y")],
      /no such file|holds no/,
    ],
    ["an unknown command", () => ["trian"], /there is no command 'trian'; did you mean 'train'\?/],
  ])("%s", async (_what, words, message) => {
    await writeFile(join(root, "bad.json"), "{ not");
    await writeFile(join(root, "bad.yaml"), "loss:\n  kind: focal\n  gama: 3\n");
    await writeFile(join(root, "bad.ts"), "let x: = 3;");
    await writeFile(join(root, "none.ts"), "export default () => ({});");
    await writeFile(join(root, "node.ts"), 'export { readFile as default } from "node:fs";');
    const { code, out, err } = await run(words());
    expect(code).toBe(1);
    const own = err.split("\n").filter((line) => line !== "");
    expect(own).toHaveLength(1);
    expect(own[0]).toMatch(message);
    expect(out + err).not.toMatch(/\n\s+at /);
  });
});
