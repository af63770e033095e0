import type { EvaluationSettings, Provenance } from "@lobule/train";
import { describe, expect, test } from "vitest";
import { exampleRecord } from "../../../train/src/run/testing.js";
import { type ClassComparison, type CompareOptions, compareRuns, type RunReading } from "./compare-runs.js";
import type { ComparedRun } from "./compared-run.js";
import { ComparisonError } from "./comparison-error.js";
import { comparisonCsv } from "./comparison-files.js";
import { renderComparison } from "./comparison-page.js";
import { formatComparison } from "./format-comparison.js";
import { exampleRun, exampleRuns, inFolder } from "./testing.js";

/** What a comparison says of a run and a class, both by their number. */
function readingOf(classes: readonly ClassComparison[], run: number, at: number): RunReading {
  const reading = classes[at]?.runs[run];
  if (reading === undefined) throw new Error(`no run ${run} of class ${at}`);
  return reading;
}

const two = (a: Partial<ComparedRun> = {}, b: Partial<ComparedRun> = {}): ComparedRun[] => [
  exampleRun("runs/a", { x: [0.9, 0.5], y: [0.8, null], z: [0.7, 0.3] }, a),
  exampleRun("runs/b", { x: [0.94, 0.4], y: [0.8, null], z: [0.72, 0.4] }, b),
];

describe("paired differences", () => {
  test("are of each case with itself, against the first run", () => {
    const { classes, runs } = compareRuns(two());
    expect(runs.map(({ key, name }) => [key, name])).toEqual([
      ["A", "a"],
      ["B", "b"],
    ]);
    expect(readingOf(classes, 0, 0).difference).toBeNull();
    const { mean, n, difference } = readingOf(classes, 1, 0);
    expect(mean).toBeCloseTo((0.94 + 0.8 + 0.72) / 3, 12);
    expect(n).toBe(3);
    expect(difference?.mean).toBeCloseTo(0.02, 12);
    expect(difference?.pairs).toBe(3);
    expect(difference?.interval?.[0]).toBeGreaterThanOrEqual(0);
    expect(difference?.interval?.[1]).toBeCloseTo(0.04, 12);
    expect(difference?.tests?.sign).toMatchObject({ positive: 2, negative: 0, zero: 1, p: 0.5 });
    expect(difference?.tests?.wilcoxon).toMatchObject({ n: 2, method: "exact", p: 0.5 });
  });

  test("a case without the class is in no pair; with the reading of all cases it is", () => {
    const tumor = (options: CompareOptions) => readingOf(compareRuns(two(), options).classes, 1, 1);
    expect(tumor({})).toMatchObject({ n: 2, cases: { x: 0.4, y: null, z: 0.4 }, difference: { pairs: 2 } });
    expect(tumor({ reading: "dice-all" })).toMatchObject({ n: 3, cases: { y: 0 }, difference: { pairs: 3 } });
  });

  test("the interval is narrower than the unpaired one where cases differ more than runs", () => {
    const widthOf = (paired: boolean): number => {
      const [low = 0, high = 0] =
        readingOf(compareRuns(exampleRuns(), { paired }).classes, 1, 1).difference?.interval ?? [];
      return high - low;
    };
    expect(widthOf(true)).toBeGreaterThan(0);
    expect(widthOf(true)).toBeLessThan(0.5 * widthOf(false));
  });

  test("p is corrected over all runs and classes, each kind of test by itself", () => {
    const { classes } = compareRuns(exampleRuns());
    const tests = classes.flatMap(({ runs }) => runs.flatMap(({ difference }) => difference?.tests ?? []));
    expect(tests.map(({ sign }) => sign.p.toFixed(6))).toEqual(["0.070313", "0.007813", "0.125000", "0.015625"]);
    expect(tests.map(({ sign }) => sign.holm.toFixed(6))).toEqual(["0.140625", "0.031250", "0.140625", "0.046875"]);
    expect(tests.map(({ wilcoxon }) => wilcoxon.holm.toFixed(6))).toEqual([
      "0.046875",
      "0.031250",
      "0.046875",
      "0.046875",
    ]);
  });

  test("the same runs give the same figures, whatever the order of their cases", () => {
    const [a, b] = two();
    if (a === undefined || b === undefined) throw new Error("two runs");
    const turned = { ...b, evaluation: { ...b.evaluation, cases: b.evaluation.cases.toReversed() } };
    const figures = (run: ComparedRun) => readingOf(compareRuns([a, run]).classes, 1, 0).difference;
    expect(figures(turned)).toEqual(figures(b));
  });
});

describe("unpaired", () => {
  test("means of other cases are compared, without tests of pairs", () => {
    const other = exampleRun("runs/c", { p: [0.5, 0.2], q: [0.6, 0.1] });
    const [a] = two();
    const { classes, paired } = compareRuns([a ?? other, other], { paired: false });
    expect(paired).toBe(false);
    const { difference } = readingOf(classes, 1, 0);
    expect(difference?.mean).toBeCloseTo(0.55 - 0.8, 12);
    expect(difference).toMatchObject({ pairs: null, tests: null });
    expect(difference?.interval?.[0]).toBeLessThan(-0.25);
    expect(difference?.interval?.[1]).toBeGreaterThan(-0.25);
  });
});

describe("cost", () => {
  test("of a step is the plan's, its time that of the median epoch", () => {
    const metrics = [10, 80, 40].map((slicesPerSecond, epoch) => exampleRecord(epoch, { slicesPerSecond }));
    const { runs } = compareRuns(two({ metrics }));
    expect(runs[0]?.cost).toEqual({
      planned: { parameters: 1_930_000, slices: 8, flops: 12.34e9, bytes: 456e6, peakBytes: 789e6 },
      slices: 8,
      stepMilliseconds: 200,
      epochs: 3,
      adapters: ["llvmpipe"],
    });
  });

  test("that was not recorded or measured is null", () => {
    const { runs } = compareRuns(two({ workload: null, metrics: [], adapter: null }), { paired: false });
    expect(runs[0]?.cost).toEqual({ planned: null, slices: 8, stepMilliseconds: null, epochs: 0, adapters: [] });
  });
});

describe("what makes a run's figures provisional or stale", () => {
  test("is in the table's notes, the page, the CSV and the JSON, beside the run it is of", () => {
    const [a = exampleRun("", {}), b = exampleRun("", {})] = two();
    const comparison = compareRuns([a, { ...b, remarks: ["is not trained to its end: epoch 1 of 100, interrupted"] }]);
    const sentence = "runs/b is not trained to its end: epoch 1 of 100, interrupted.";
    expect(comparison.runs.map(({ remarks }) => remarks)).toEqual([[], [sentence]]);
    expect(formatComparison(comparison).replaceAll(/\n\s*/g, " ")).toContain(sentence);
    expect(renderComparison(comparison, [[a.metrics], [b.metrics]])).toContain(sentence);
    expect(comparisonCsv(comparison)).toContain(`"${sentence}"`);
  });
});

describe("what cannot be compared is refused with the reason", () => {
  const settings = { mirror: false, precision: "f32" as const, map: [], includeTraining: false };
  const provenance = (changes: Partial<EvaluationSettings>): Provenance => ({
    run: { directory: "runs/a", state: null, finished: null },
    checkpoint: { file: "best.safetensors", sha256: "ab", epoch: 1 },
    data: { directory: "data", labels: [], modality: [] },
    settings: { ...settings, ...changes },
    leftOut: [],
    failures: [],
    notes: [],
  });
  const [first = exampleRun("", {}), b = exampleRun("", {})] = two();
  const a = { ...first, evaluation: { ...first.evaluation, provenance: provenance({}) } };
  const changedTruth = structuredClone(b.evaluation);
  for (const { classes } of changedTruth.cases.slice(1, 2)) for (const { dice } of classes) dice.target += 5;

  test.each<[what: string, run: ComparedRun, message: RegExp]>([
    [
      "other training cases",
      { ...b, split: { ...b.split, training: ["t_1", "t_9"] } },
      /^runs\/b and runs\/a cannot be compared case by case: they were trained on different cases \(t_9 only in runs\/b; t_2 only in runs\/a\); --unpaired compares their means$/,
    ],
    [
      "other validation cases",
      { ...b, split: { ...b.split, validation: ["x", "y"] } },
      /validated on different cases \(z only in runs\/a\)/,
    ],
    [
      "other settings of the measurement",
      { ...b, evaluation: { ...b.evaluation, provenance: provenance({ mirror: true }) } },
      /they were measured with other settings \(f32, averaged over mirror images; f32, not mirrored\)/,
    ],
    [
      "another content of a case",
      { ...b, workload: b.workload && { ...b.workload, cases: { ...b.workload.cases, y: "other" } } },
      /the case y held other voxels, labels or another grid/,
    ],
    ["no record of the content", { ...b, workload: null }, /runs\/b has no workload\.json.*train --resume runs\/b/],
    [
      "other cases measured",
      { ...b, evaluation: { ...b.evaluation, cases: b.evaluation.cases.slice(1) } },
      /measured on different cases \(x only in runs\/a\)/,
    ],
    [
      "another edge of the volume",
      { ...b, evaluation: { ...b.evaluation, edge: "cut" as const } },
      /another edge of the volume, cut and not said \(an earlier version\)/,
    ],
    ["another tolerance", { ...b, evaluation: { ...b.evaluation, tolerance: 3 } }, /tolerances of 3 and 2 mm/],
    ["another truth", { ...b, evaluation: changedTruth }, /the truth of y had another volume/],
  ])("%s, which --unpaired takes", (_, run, message) => {
    expect(() => compareRuns([a, run])).toThrow(ComparisonError);
    expect(() => compareRuns([a, run])).toThrow(message);
    expect(compareRuns([a, run], { paired: false }).runs).toHaveLength(2);
  });

  test("the same cases in another order are the same split", () => {
    const turned = { ...b, split: { ...b.split, training: b.split.training.toReversed() } };
    expect(compareRuns([a, turned]).runs).toHaveLength(2);
  });

  test.each<[what: string, runs: ComparedRun[], message: RegExp]>([
    ["no run", [], /two runs or more/],
    ["one run", [a], /two runs or more/],
    ["a run twice", [a, inFolder(b, "./runs/a/")], /\.\/runs\/a\/ is named twice/],
    [
      "other classes",
      [
        a,
        {
          ...b,
          evaluation: {
            ...b.evaluation,
            cases: b.evaluation.cases.map((each) => ({ ...each, classes: each.classes.slice(0, 1) })),
          },
        },
      ],
      /runs\/b was measured for liver \(label 1\), runs\/a for liver \(label 1\), tumor \(label 2\)/,
    ],
  ])("%s, paired or not", (_, runs, message) => {
    expect(() => compareRuns(runs)).toThrow(message);
    expect(() => compareRuns(runs, { paired: false })).toThrow(ComparisonError);
  });

  test("runs of the same name are called by their paths; keys continue after Z", () => {
    const many = Array.from({ length: 28 }, (_, i) => inFolder(b, `runs/${i}/model`));
    const { runs } = compareRuns(many);
    expect(runs[3]?.name).toBe("runs/3/model");
    expect([runs[25], runs[26], runs[27]].map((run) => run?.key)).toEqual(["Z", "AA", "AB"]);
  });
});
