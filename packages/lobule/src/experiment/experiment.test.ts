import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FolderLock, nodeStorage } from "@lobule/node";
import { describe, expect, test } from "vitest";
import { exampleRecord, temporaryFolder } from "../../../train/src/run/testing.js";
import { parseCommandLine } from "../command-line/parse.js";
import { experimentSettings, readSettingsFile } from "../shared/settings-file.js";
import { sentenceOf } from "./child-run.js";
import { againOf, experimentCommand } from "./experiment-command.js";
import { parseExperiment } from "./experiment-file.js";
import {
  type ExperimentRecord,
  readExperimentRecord,
  readRecordOf,
  requirePlanned,
  requireUnchanged,
  writeExperimentRecord,
} from "./experiment-folder.js";
import { planExperiment } from "./plan-experiment.js";
import { workOnExperiment } from "./shared-experiment.js";
import { decideRung, scoreAt } from "./successive-halving.js";

const small = {
  name: "width",
  data: "data",
  seeds: [0, 1],
  epochs: 4,
  base: { size: 32, learningRate: 1e-3 },
  variants: [{ name: "narrow" }, { name: "wide", settings: { baseFeatures: 16, plateau: { patience: 1 } } }],
};
const plan = (changes: object = {}) =>
  planExperiment(parseExperiment({ ...small, ...changes }, "x.json"), "/data", "x.json");

test.each([
  "--workers slurm --at-once 4 --cache slices --trust-code",
  "--array --trust-code",
  "--adapters gpu:0 gpu:1 --cache slices",
])("the command that goes on asks for what was asked for: %s", (options) => {
  const read = (words: readonly string[]) => {
    const request = parseCommandLine(["experiment", "x.json", "--out", "runs", ...words], [experimentCommand]);
    if (request.kind !== "run") throw new Error("no experiment is asked for");
    return request.values as Parameters<typeof againOf>[0];
  };
  const asked = read(options.split(" "));
  expect(read(againOf(asked))).toEqual(asked);
});

test.each([
  ["Warning: x\nlobule: no GPU; leave --device out.\n", "no GPU; leave --device out"],
  ["lobule: first\nlobule: the disk is full; free some space\nnote: y\n", "the disk is full; free some space"],
  ["Segmentation fault\n", "Segmentation fault"],
  ["", ""],
])("why a run failed is a sentence that others can follow: %j", (errors, sentence) => {
  expect(sentenceOf(errors)).toBe(sentence);
});

describe("the examples", () => {
  const planned = async (name: string) => {
    const file = fileURLToPath(new URL(`../../../../examples/${name}.yaml`, import.meta.url));
    const { settings } = await readSettingsFile(file, experimentSettings);
    return planExperiment(parseExperiment(settings, file), "/data", file);
  };

  test.each(["losses", "small-tumors"])("%s compares six losses, the plan's own first", async (name) => {
    const losses = new Set((await planned(name)).map(({ config: { loss } }) => loss.kind));
    expect([...losses]).toEqual([
      "dice-ce",
      "weighted-dice-ce",
      "focal",
      "tversky",
      "top-k-dice-ce",
      "generalized-dice-ce",
    ]);
  });

  test("other losses have the Dice term that the plan gives them where a class is rare", async () => {
    for (const { config } of await planned("small-tumors")) {
      const { loss } = config;
      if (loss.kind === "dice-ce" || !("batchDice" in loss)) continue;
      expect(loss).toMatchObject({ batchDice: true, foregroundDice: true });
    }
  });

  test.each(["ablation", "small-tumors"])("%s changes one thing at a time but for the recipe", async (name) => {
    const runs = await planned(name);
    const before = new Map(Object.entries(runs[0]?.config ?? {}).map(([key, value]) => [key, JSON.stringify(value)]));
    for (const { variant, config } of runs) {
      const unlike = Object.entries(config).filter(([key, value]) => before.get(key) !== JSON.stringify(value));
      const keys = unlike.map(([key]) => key).filter((key) => key !== "seed");
      const pairs = ["learningRate optimizer", "oversample oversampleBy"];
      if (variant === "planned") expect(keys).toEqual([]);
      else if (variant === "recipe") expect(keys.length).toBeGreaterThan(3);
      else expect(keys.length === 1 || pairs.includes(keys.sort().join(" ")), `${variant}: ${keys}`).toBe(true);
    }
  });
});

describe("the plan of an experiment", () => {
  test("refuses a loss of another kind that would lose what 'base' gives and it has too", () => {
    const of = (loss: object) => () =>
      plan({
        base: { ...small.base, loss: { batchDice: true } },
        variants: [{ name: "a" }, { name: "b", settings: { loss } }],
      });
    expect(of({ kind: "tversky" })).toThrow(
      "x.json: the variant 'b': 'loss.batchDice' would be lost, for 'loss.kind' takes the place of the whole; give 'loss.batchDice' too",
    );
    expect(of({ kind: "tversky", batchDice: false })).not.toThrow();
    expect(of({ kind: "focal" })).not.toThrow();
    expect(of({ kind: "dice-ce", lambdaDice: 2 })).not.toThrow();
  });

  test("has each variant with each seed: the variant's settings over those that all share", () => {
    const runs = plan();
    expect(runs.map(({ name }) => name)).toEqual(["narrow-seed0", "narrow-seed1", "wide-seed0", "wide-seed1"]);
    const [narrow, , wide] = runs.map(({ config }) => config);
    expect(narrow).toMatchObject({ data: "/data", size: 32, epochs: 4, baseFeatures: 8, seed: 0 });
    expect(wide).toEqual({ ...narrow, baseFeatures: 16, plateau: { factor: 0.5, patience: 1 } });
  });

  test("runs differ in nothing that decides on cases, their order or the budget", () => {
    for (const { config } of plan({ splitSeed: 7 })) {
      expect(config).toMatchObject({ splitSeed: 7, fold: null, epochs: 4, earlyStopping: { patience: 4 } });
    }
    expect(plan({ base: { earlyStopping: { patience: 2 } } })[0]?.config.earlyStopping).toEqual({ patience: 2 });
  });

  test("with folds each seed is trained on each of them", () => {
    const runs = plan({ folds: 2, seeds: [3] });
    expect(runs.map(({ name }) => name)).toEqual([
      "narrow-seed3-fold0",
      "narrow-seed3-fold1",
      "wide-seed3-fold0",
      "wide-seed3-fold1",
    ]);
    expect(runs[1]?.config.fold).toEqual({ index: 1, of: 2 });
  });

  test("of a grid has every combination", () => {
    const runs = plan({
      variants: undefined,
      seeds: [0],
      grid: { "earlyStopping.patience": [1, 2], schedule: ["plateau", "cosine"] },
    });
    expect(runs.map(({ variant }) => variant)).toEqual([
      "patience=1,schedule=plateau",
      "patience=1,schedule=cosine",
      "patience=2,schedule=plateau",
      "patience=2,schedule=cosine",
    ]);
    expect(runs[3]?.config).toMatchObject({ earlyStopping: { patience: 2 }, schedule: "cosine" });
  });

  test.each<[what: string, changes: object, message: RegExp]>([
    ["an unknown setting", { seed: 1 }, /x\.json: 'seed' is no setting; did you mean 'seeds'\?/],
    [
      "a needed setting misspelled",
      { seeds: undefined, seed: [1] },
      /x\.json: 'seed' is no setting; did you mean 'seeds'/,
    ],
    ["a needed setting left out", { seeds: undefined }, /x\.json: 'seeds' is missing; it needs a list/],
    [
      "a variant's name misspelled",
      { variants: [{ nmae: "a" }, { name: "b" }] },
      /'variants\.0\.nmae' is no setting; did you mean 'name'/,
    ],
    ["an unknown training setting", { base: { widht: 1 } }, /'widht' is no setting/],
    ["no seed", { seeds: [] }, /x\.json: 'seeds' needs a list that is not empty, each a whole number from 0, got \[\]/],
    ["no variant", { variants: [] }, /'variants' needs a list that is not empty/],
    [
      "an empty list in a grid",
      { variants: undefined, grid: { depth: [] } },
      /'grid\.depth' needs a list that is not empty/,
    ],
    ["variants and a grid", { grid: { depth: [1] } }, /give either 'variants' or 'grid', not both or neither/],
    ["an empty grid", { variants: undefined, grid: {} }, /'grid' names no setting/],
    ["a seed twice", { seeds: [1, 1] }, /the seed 1 comes twice/],
    ["one variant", { variants: [{ name: "a" }] }, /x\.json: there is nothing to compare: .* one variant, 'a'/],
    ["a name twice", { variants: [{ name: "a" }, { name: "A" }] }, /two variants are named 'A'/],
    ["a name that is no folder's", { variants: [{ name: "a/b" }] }, /'a\/b' cannot be a folder's/],
    [
      "values in a grid of which no folder can be named",
      { variants: undefined, grid: { model: ["nets/a.ts", "nets/b.ts"] } },
      /'model=nets\/a\.ts' cannot be a folder's; give the variants .* by 'variants' in place of 'grid'/,
    ],
    [
      "a value twice in a grid",
      { variants: undefined, grid: { depth: [1, 1] } },
      /two variants are named 'depth=1'; the values of a setting must differ/,
    ],
    ["a name that leads elsewhere", { variants: [{ name: ".." }] }, /'\.\.' cannot be a folder's/],
    [
      "a budget of a variant's own",
      { variants: [{ name: "a", settings: { epochs: 9 } }] },
      /'a' sets 'epochs', which is/,
    ],
    ["cases of a variant's own", { variants: [{ name: "a", settings: { maxSlices: 9 } }] }, /'maxSlices'.*to 'base'/],
    [
      "steps of a variant's own",
      { variants: [{ name: "a", settings: { stepsPerEpoch: 9 } }] },
      /'stepsPerEpoch'.*to 'base'/,
    ],
    ["rungs that fall", { successiveHalving: { rungs: [2, 1] } }, /must rise and stay below the 4 epochs, got 2, 1/],
    ["a rung at the end", { successiveHalving: { rungs: [4] } }, /below the 4 epochs, got 4/],
  ])("%s is refused in one sentence", (_, changes, message) => {
    expect(() => plan(changes)).toThrow(message);
  });
});

test("a worker that waits for a run of another stops for the reason that it is given", async () => {
  const directory = await temporaryFolder();
  const [run] = plan();
  if (run === undefined) throw new Error("nothing is planned");
  const stop = new AbortController();
  const options = { directory, source: "x.json", adapters: [undefined], cache: undefined, trustCode: false };
  const lock = await FolderLock.take(join(directory, `${run.name}.claim`), {
    doing: "trains it",
    unlock: "rm",
    signal: stop.signal,
    note: () => undefined,
  });
  try {
    const experiment = parseExperiment(small, "x.json");
    const working = workOnExperiment(experiment, [run], {
      ...options,
      signal: stop.signal,
      log: () => undefined,
      onNote: () => undefined,
    });
    setTimeout(() => stop.abort(new Error("asked to stop")), 300);
    await expect(working).rejects.toThrow("asked to stop");
  } finally {
    await lock.release();
  }
});

describe("successive halving", () => {
  const rule = { epochs: 2, keep: 0.5, by: "loss" } as const;

  test("the better half of the variants by the mean over their runs continues, and the baseline in any case", () => {
    const scores = new Map([
      ["base", [9, 9]],
      ["a", [1, 4]],
      ["b", [2, 2]],
      ["c", [5, 1]],
    ]);
    expect(decideRung(scores, rule)).toEqual({
      epochs: 2,
      scores: [
        { variant: "b", score: 2 },
        { variant: "a", score: 2.5 },
        { variant: "c", score: 3 },
        { variant: "base", score: 9 },
      ],
      stopped: ["c"],
    });
    expect(decideRung(scores, { ...rule, by: "dice" }).stopped).toEqual(["b"]);
    expect(decideRung(scores, { ...rule, keep: 0.1 }).stopped).toEqual(["a", "c"]);
  });

  test("a variant with a run that failed is the worst; of equals the first continues", () => {
    const scores = new Map([
      ["base", [1]],
      ["failed", [null, 0.1]],
      ["a", [1, 1]],
      ["b", [1, 1]],
      ["c", [2, 2]],
    ]);
    expect(decideRung(scores, rule).stopped).toEqual(["c", "failed"]);
  });

  test("a run's score is of the rung's epoch, whatever came after", () => {
    const records = [0, 1, 2].map((epoch) => exampleRecord(epoch));
    expect(scoreAt(records, 2, "loss")).toBe(records[1]?.validation.loss);
    const [, liver = 0, tumor = 0] = records[1]?.validation.dice.perCase ?? [];
    expect(scoreAt(records, 2, "dice")).toBeCloseTo(((liver ?? 0) + (tumor ?? 0)) / 2, 12);
    expect(scoreAt(records, 9, "loss")).toBe(records[2]?.validation.loss);
    expect(scoreAt([], 2, "loss")).toBeNull();
  });
});

describe("experiment.json", () => {
  const record: ExperimentRecord = {
    format: "lobule-experiment",
    version: 1,
    rungs: [],
    experiment: { ...parseExperiment(small, "x.json") },
    runs: [{ name: "narrow-seed0", variant: "narrow", state: "done", error: null }],
  };

  test("is read as it was written; there need be none", async () => {
    const folder = await temporaryFolder();
    expect(await readExperimentRecord(nodeStorage, folder)).toBeNull();
    await writeExperimentRecord(nodeStorage, folder, record);
    expect(await readExperimentRecord(nodeStorage, folder)).toEqual(record);
  });

  test("one that names other runs, rungs or variants than are planned is refused", () => {
    const planned = [{ name: "narrow-seed0", variant: "narrow" }];
    const halving = { ...record.experiment, successiveHalving: { rungs: [2], keep: 0.5, by: "loss" } };
    const rung = { epochs: 2, scores: [{ variant: "narrow", score: 1 }], stopped: [] };
    requirePlanned({ ...record, experiment: halving, rungs: [rung] }, planned, "out");
    const [run] = record.runs;
    if (run === undefined) throw new Error("the record has no run");
    const cases: readonly (readonly [Partial<ExperimentRecord>, string])[] = [
      [{ runs: [] }, "its runs are not those of the experiment"],
      [{ runs: [{ ...run, name: "../elsewhere" }] }, "its runs are not those"],
      [{ runs: [run, run] }, "its runs are not those"],
      [{ rungs: [{ ...rung, epochs: 3 }] }, "its rung 1 is after 3 epochs"],
      [{ rungs: [rung, rung] }, "its rung 2 is after 2 epochs"],
      [{ rungs: [{ ...rung, stopped: ["other"] }] }, "its rung 1 names 'other', which is no variant"],
    ];
    for (const [changes, message] of cases) {
      const damaged: ExperimentRecord = { ...record, experiment: halving, ...changes };
      expect(() => requirePlanned(damaged, planned, "out")).toThrow(message);
    }
  });

  test("a folder of a run, or of a cross-validation where an experiment is asked for and the reverse, is refused", async () => {
    const folder = await temporaryFolder();
    const [one, other, run] = [join(folder, "experiment"), join(folder, "folds"), join(folder, "run")];
    await writeExperimentRecord(nodeStorage, one, record);
    const folds = { ...record, experiment: { data: "/data", heldOut: [["a"], ["b"]] } };
    await writeExperimentRecord(nodeStorage, other, folds);
    await nodeStorage.makeFolder(run);
    await writeFile(join(run, "config.json"), "{}");
    expect(await readRecordOf(nodeStorage, one, "an experiment")).toEqual(record);
    expect(await readRecordOf(nodeStorage, other, "a cross-validation")).toEqual(folds);
    expect(await readRecordOf(nodeStorage, join(folder, "new"), "an experiment")).toBeNull();
    await expect(readRecordOf(nodeStorage, one, "a cross-validation")).rejects.toThrow(
      `${one} is the folder of an experiment, not of a cross-validation; name another by --out`,
    );
    await expect(readRecordOf(nodeStorage, other, "an experiment")).rejects.toThrow(
      `${other} is the folder of a cross-validation, not of an experiment; name another by --out`,
    );
    await expect(readRecordOf(nodeStorage, run, "an experiment")).rejects.toThrow(
      `${run} is the folder of a run; name another by --out`,
    );
  });

  test("an experiment that has changed since is refused with what differs", () => {
    requireUnchanged(record, parseExperiment(small, "x.json"), "x.json", "out");
    const changed = parseExperiment({ ...small, base: { ...small.base, learningRate: 1, depth: 2 }, seeds: [0] }, "x");
    expect(() => requireUnchanged(record, changed, "x.json", "out")).toThrow(
      "x.json has changed since out began: 'base.learningRate' is 1, was 0.001; 'base.depth' is 2, was not there; 'seeds.1' is not there, was 1; put it back, or name another folder by --out",
    );
  });
});
