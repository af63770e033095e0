import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { CaseResult } from "@lobule/metrics";
import { nodeStorage } from "@lobule/node";
import { evaluationJson } from "@lobule/report";
import { RunFolder, summarize } from "@lobule/train";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { builtCommand, runCommand } from "../testing/run-command.js";

const run = (...words: readonly string[]) => runCommand(["compare", ...words]);

/** A case whose liver is segmented with this Dice. */
const caseOf = (name: string, dice: number): CaseResult => ({
  name,
  shape: [4, 4, 2],
  spacing: [1, 1, 1],
  tolerance: 2,
  edge: "surface",
  surfaceDimensions: 3,
  classes: [
    {
      label: 1,
      name: "liver",
      hausdorff95: 1,
      normalizedSurfaceDistance: dice,
      truthAtEdge: false,
      dice: {
        slices: 2,
        sliceDiceSum: 2 * dice,
        foregroundSlices: 2,
        foregroundSliceDiceSum: 2 * dice,
        intersection: 100 * dice,
        predicted: 100,
        target: 100,
      },
      volume: { truth: 1, prediction: 1, error: 0, errorPercent: 0 },
    },
  ],
});

let root: string;
const runs = (name: string): string => join(root, name);

/** Writes the folder of a run that was trained for one epoch and, with `dice`, measured. */
async function writeRun(name: string, dice: Readonly<Record<string, number>>, measured = true): Promise<void> {
  const validation = Object.keys(dice);
  const folder = await RunFolder.create(nodeStorage, runs(name), {
    config: { batch: 4 },
    split: { training: ["t"], validation },
    environment: { adapter: { name: "software" } },
  });
  await folder.recordWorkload(
    {
      cases: Object.fromEntries(["t", ...validation].map((each) => [each, `hash of ${each}`])),
      step: { parameters: 1200, slices: 4, flops: 3e6, bytes: 2e6, peakBytes: 5e6 },
    },
    "data",
  );
  const byClass = [0.99, 0.8];
  const losses = { loss: 0.5, pixelLoss: 0.2, overlapLoss: 0.3 };
  await folder.appendMetrics({
    epoch: 0,
    step: 10,
    learningRate: 1e-3,
    seconds: 2,
    slicesPerSecond: 50,
    waitedShare: 0,
    best: true,
    training: { ...losses, dice: byClass },
    validation: {
      ...losses,
      dice: { sliceMean: byClass, foregroundSliceMean: byClass, pooled: byClass, perCase: byClass },
    },
  });
  if (!measured) return;
  const results = Object.entries(dice).map(([each, value]) => caseOf(each, value));
  await mkdir(join(runs(name), "evaluation"));
  await writeFile(join(runs(name), "evaluation", "validation.json"), evaluationJson(summarize(results)));
}

beforeAll(async () => {
  // Comparing opens no device, and a command that is named repeats this choice.
  delete process.env.LOBULE_ADAPTER;
  root = await mkdtemp(join(tmpdir(), "lobule-compare-"));
  await writeRun("plain", { a: 0.8, b: 0.7, c: 0.9 });
  await writeRun("gated", { a: 0.84, b: 0.76, c: 0.91 });
  await writeRun("other", { a: 0.84, d: 0.5 });
  await writeRun("unmeasured", { a: 0.84, b: 0.76, c: 0.91 }, false);
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe("lobule compare", () => {
  test("prints a table of 80 columns and writes a page, two tables and JSON", async () => {
    const out = join(root, "deep", "comparison");
    const { code, out: text, err } = await run(runs("plain"), runs("gated"), "--out", out);
    expect(code, err).toBe(0);
    expect(text).toMatch(/B gated +0\.837 +3 +\+0\.037 +\+0\.010 to \+0\.060 +3\/0\/0 +0\.250 +0\.250\n/);
    expect(text).toMatch(/A plain +4 +1\.20 k +3\.00 M +2\.00 MB +5\.00 MB +80\.0\n/);
    for (const line of text.split("\n"))
      if (!line.startsWith("written")) expect([...line].length).toBeLessThanOrEqual(80);
    expect((await readdir(out)).sort()).toEqual(["cases.csv", "comparison.csv", "comparison.html", "comparison.json"]);
    const page = await readFile(join(out, "comparison.html"), "utf8");
    expect(page).toContain("<title>2 runs compared – Lobule</title>");
    const printed = await run(runs("plain"), runs("gated"), "--out", out, "--json");
    expect(JSON.parse(printed.out)).toEqual(JSON.parse(await readFile(join(out, "comparison.json"), "utf8")));
  });

  test("unpaired it takes runs on other cases", async () => {
    const { code, out, err } = await run(runs("plain"), runs("other"), "--unpaired", "--out", join(root, "unpaired"));
    expect(code, err).toBe(0);
    expect(out).toMatch(/B other +0\.670 +2 +−0\.130/);
  });

  test.each<[what: string, words: () => string[], message: () => string]>([
    [
      "other cases",
      () => [runs("plain"), runs("other")],
      () =>
        `${runs("other")} and ${runs("plain")} cannot be compared case by case: they were validated on different cases (d only in ${runs("other")}; b, c only in ${runs("plain")}); --unpaired compares their means`,
    ],
    [
      "a run that was not measured",
      () => [runs("plain"), runs("unmeasured")],
      () =>
        `${runs("unmeasured")} has no evaluation/validation.json; measure the run first: ${process.execPath} ${relative(process.cwd(), builtCommand)} evaluate ${runs("unmeasured")}`,
    ],
    [
      "one run",
      () => [runs("plain")],
      () => "a comparison needs two runs or more; name the baseline first, then the others",
    ],
    [
      "a folder that is no run",
      () => [runs("plain"), root],
      () => `${root} is no run folder: it has no config.json; give the folder of a run`,
    ],
  ])("%s: one sentence, exit code 1, nothing written", async (_, words, message) => {
    const out = join(root, "refused");
    const ended = await run(...words(), "--out", out);
    expect(ended).toEqual({ code: 1, out: "", err: `lobule: ${message()}\n` });
    expect(await readdir(root)).not.toContain("refused");
  });

  test("several runs that cannot be compared are named at once", async () => {
    const { code, err } = await run(runs("plain"), runs("unmeasured"), root);
    expect(code).toBe(1);
    expect(err).toMatch(
      /^lobule: 2 of the runs cannot be compared: .*unmeasured has no evaluation.*; .* is no run folder/,
    );
  });

  test("a run that is not over, whose weights are others by now or whose labels were post-processed is named as such", async () => {
    await writeRun("older", { a: 0.5, b: 0.5, c: 0.5 });
    const path = join(runs("older"), "evaluation", "validation.json");
    const provenance = {
      run: { directory: runs("older"), state: "epoch 1 of 100, interrupted", finished: false },
      checkpoint: { file: "best.safetensors", sha256: "ab", epoch: 1 },
      data: { directory: "data", labels: [], modality: [] },
      settings: { mirror: false, precision: "f32", map: [], includeTraining: false, postprocessing: true },
      leftOut: [],
      failures: [],
      notes: [],
    };
    await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), provenance }));
    await mkdir(join(runs("older"), "checkpoints"));
    await writeFile(join(runs("older"), "checkpoints", "best.safetensors"), "other weights");
    const { code, out, err } = await run(runs("plain"), runs("older"), "--out", join(root, "stale"));
    expect(code, err).toBe(0);
    const text = out.replaceAll(/\n\s*/g, " ");
    expect(text).toContain(`${runs("older")} is not trained to its end: epoch 1, interrupted.`);
    expect(text).toContain(
      `${runs("older")} was measured with other weights (of epoch 1, run: epoch 1 of 100, interrupted)`,
    );
    expect(text).toContain(`${runs("older")} was measured after post-processing that was chosen by these cases`);
  });

  test("a damaged evaluation is named, with the command that makes it anew", async () => {
    await writeRun("damaged", { a: 0.5 });
    await writeFile(join(runs("damaged"), "evaluation", "validation.json"), '{"format":"lobule-evaluation"}');
    const { code, err } = await run(runs("plain"), runs("damaged"));
    expect(code).toBe(1);
    expect(err).toMatch(
      /validation\.json is not as expected at 'version'.*; measure the run first: .*lobule\.js evaluate/,
    );
  });
});
