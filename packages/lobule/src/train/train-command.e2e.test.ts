import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { readNiftiHeader, writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand as run } from "../testing/run-command.js";

let root: string;
let data: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-cli-"));
  data = join(root, "data");
  await writePhantom(nodeStorage, data, { cases: 4, testCases: 1, size: 16, slices: [4, 6], seed: 2 });
});
afterAll(() => rm(root, { recursive: true, force: true }));

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
        "checkpoints.json",
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
