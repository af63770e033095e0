import { cp } from "node:fs/promises";
import { join } from "node:path";
import { nodeStorage } from "@lobule/node";
import { ReduceLROnPlateau } from "@lobule/optim";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RunFolder } from "../run/run-folder.js";
import { NonFiniteLossError } from "./batch-runner.js";
import type { TrainingConfig } from "./config-schema.js";
import { resumeRun, startRun } from "./open-run.js";
import { TestRuns } from "./testing.js";
import { parseConfig } from "./training-config.js";

let runs: TestRuns;
beforeAll(async () => {
  runs = await TestRuns.open();
});
afterAll(() => runs.close());

describe("the same seed", () => {
  test("gives the same bytes, another seed does not", async () => {
    expect(await runs.trained("one", runs.config())).toBe("all epochs done");
    await runs.trained("two", runs.config());
    await runs.trained("other", runs.config({ seed: 1 }));
    for (const kind of ["best", "last"] as const) {
      expect((await runs.bytesOf("one", kind)).equals(await runs.bytesOf("two", kind))).toBe(true);
      expect((await runs.bytesOf("one", kind)).equals(await runs.bytesOf("other", kind))).toBe(false);
    }
    expect(await runs.metricsOf("two")).toEqual(await runs.metricsOf("one"));
  });
});

test("a run that was stopped before its first checkpoint begins with its first step when it is resumed", async () => {
  const unbroken = await runs.trained("never stopped", runs.config({ window: "auto" }));
  // Made, and never run.
  await (await startRun(runs.config({ window: "auto" }), join(runs.root, "made"), {}, runs.request())).close();
  expect(await runs.resumed("made")).toBe(unbroken);
  for (const kind of ["best", "last"] as const) {
    expect((await runs.bytesOf("made", kind)).equals(await runs.bytesOf("never stopped", kind))).toBe(true);
  }
  expect(await runs.metricsOf("made")).toEqual(await runs.metricsOf("never stopped"));
});

describe("a run in f16", () => {
  test("learns, resumes to the same bytes, and its best checkpoint holds the network alone", async (context) => {
    const settings = (microBatch: number | null) =>
      runs.config({ precision: "f16", epochs: 3, schedule: "cosine", warmupSteps: 2, microBatch });
    if (!runs.device.hasF16) {
      await expect(runs.trained("no f16", settings(null))).rejects.toThrow(/no shader-f16; use --precision f32/);
      return context.skip("adapter lacks shader-f16");
    }
    for (const microBatch of [null, 2]) {
      const name = `f16 ${microBatch}`;
      await runs.trained(name, settings(microBatch));
      const losses = (await runs.metricsOf(name)).map(({ training }) => training.loss);
      expect(losses.at(-1)).toBeLessThan(losses[0] as number);
      if (microBatch === null) continue;
      expect(await runs.trained(`${name} stopped`, settings(microBatch), { afterReports: 1 })).toBe("interrupted");
      await runs.resumed(`${name} stopped`);
      expect((await runs.bytesOf(`${name} stopped`, "last")).equals(await runs.bytesOf(name, "last"))).toBe(true);
      const { tensors } = await (await RunFolder.open(nodeStorage, join(runs.root, name))).loadCheckpoint("last");
      expect(tensors.get("loss_scaler.scale")?.data[0]).toBe(65_536);
    }
    const { tensors } = await (await RunFolder.open(nodeStorage, join(runs.root, "f16 2"))).loadCheckpoint("best");
    expect([...tensors.keys()].filter((each) => /loss_scaler|exp_avg/.test(each))).toEqual([]);
  });
});

describe("the split", () => {
  const splitOf = async (name: string, changes: Partial<TrainingConfig>) => {
    const run = await startRun(runs.config(changes), join(runs.root, name), {}, runs.request());
    await run.close();
    return run.folder.split;
  };

  test("depends on the run's seed, unless it has a seed of its own", async () => {
    expect(await splitOf("split 0", { seed: 0 })).not.toEqual(await splitOf("split 1", { seed: 1 }));
    const own = await splitOf("split 2", { seed: 2, splitSeed: 0 });
    expect(own).toEqual(await splitOf("split 3", { seed: 3, splitSeed: 0 }));
    expect(own).toEqual(await splitOf("split 4", { seed: 0 }));
  });

  test("of a fold holds out its part of the cases", async () => {
    const folds = await Promise.all([0, 1].map((index) => splitOf(`fold ${index}`, { fold: { index, of: 2 } })));
    expect(folds.map(({ validation }) => validation.length)).toEqual([2, 3]);
    expect(folds[0]?.training).toEqual(folds[1]?.validation);
  });

  test("of a configuration from before these settings is read", () => {
    const { splitSeed: _s, fold: _f, ...older } = runs.config();
    expect(parseConfig(older, "config.json")).toEqual(runs.config());
  });
});

describe("a run that is broken off", () => {
  const settings = () =>
    runs.config({
      epochs: 3,
      batch: 3,
      checkpointEvery: 2,
      augmentation: { kind: "light", flip: 0.5, rotation: 20, zoom: 0.2, intensity: 0.1, noise: 0.05 },
    });

  test("resumes to the bytes of an unbroken one, from a stop and from checkpoints inside an epoch", async () => {
    await runs.trained("unbroken", settings());
    // A signal in the first validation, all of whose epoch's steps are done: the run that is resumed begins with it.
    expect(await runs.trained("stopped", settings(), { afterReports: 1 })).toBe("interrupted");
    expect(await runs.metricsOf("stopped")).toEqual([]);
    expect(await runs.resumed("stopped")).toBe("all epochs done");
    // A kill leaves what was last saved: the run as it was at each checkpoint of its course.
    const places: string[] = [];
    const run = await startRun(settings(), join(runs.root, "killed"), {}, runs.request());
    const save = run.folder.saveCheckpoint.bind(run.folder);
    run.folder.saveCheckpoint = async (...args) => {
      await save(...args);
      const [kind, , state] = args;
      const { epoch, step } = state.training as { epoch: number; step: number };
      if (kind !== "last") return;
      const copy = `killed at ${epoch}.${step}`;
      await cp(join(runs.root, "killed"), join(runs.root, copy), { recursive: true });
      places.push(copy);
    };
    await run.run();
    await run.close();
    expect(places.length).toBeGreaterThan(4);
    expect(places.some((place) => !place.endsWith(".0"))).toBe(true);
    // One inside the first epoch, one at an end, one late.
    const tried = [places[1], places.find((place) => place.endsWith("1.0")), places.at(-3)].map((place) => place ?? "");
    for (const name of ["stopped", "killed", ...tried]) {
      if (name !== "killed" && name !== "stopped") expect(await runs.resumed(name)).toBe("all epochs done");
      expect((await runs.bytesOf(name, "last")).equals(await runs.bytesOf("unbroken", "last")), `${name}: last`).toBe(
        true,
      );
      expect((await runs.bytesOf(name, "best")).equals(await runs.bytesOf("unbroken", "best")), `${name}: best`).toBe(
        true,
      );
      expect(await runs.metricsOf(name)).toEqual(await runs.metricsOf("unbroken"));
    }
  });

  test.each([
    [
      "SGD, clipped, with averaged weights, on patches by splines, z-scores by each image",
      {
        optimizer: { kind: "sgd", momentum: 0.9, weightDecay: 1e-3 },
        clipNorm: 0.5,
        size: null,
        spacing: [18, 22],
        resampling: "cubic",
        patch: [8, 12],
        window: "auto",
        normalization: "image",
      },
    ],
    [
      "AdamW on batches in parts, z-scores, cropped to the body",
      {
        crop: "body",
        optimizer: { kind: "adamw", weightDecay: 0.1 },
        microBatch: 2,
        clipNorm: 0.5,
        window: "auto",
        normalization: "foreground",
      },
    ],
  ] satisfies [string, Partial<TrainingConfig>][])("%s and oversampled: inside an epoch too", async (name, changes) => {
    const all = { ...settings(), ...changes, ema: 0.8, oversample: 0.4, epochs: 2 };
    await runs.trained(`${name} unbroken`, all);
    const run = await startRun(all, join(runs.root, `${name} killed`), {}, runs.request());
    const save = run.folder.saveCheckpoint.bind(run.folder);
    let copied = false;
    run.folder.saveCheckpoint = async (...args) => {
      await save(...args);
      const { step } = args[2].training as { step: number };
      if (step === 0 || copied) return;
      copied = true;
      await cp(join(runs.root, `${name} killed`), join(runs.root, name), { recursive: true });
    };
    await run.run();
    await run.close();
    expect(copied).toBe(true);
    expect(await runs.resumed(name)).toBe("all epochs done");
    for (const kind of ["last", "best"] as const) {
      expect((await runs.bytesOf(name, kind)).equals(await runs.bytesOf(`${name} unbroken`, kind)), kind).toBe(true);
    }
    expect(await runs.metricsOf(name)).toEqual(await runs.metricsOf(`${name} unbroken`));
  });

  test("that is paused has the bytes, then and later, of one that was not: the learning rate follows all epochs", async () => {
    const settings = runs.config({ epochs: 3, schedule: "cosine" });
    await runs.trained("without a pause", settings);
    const run = await startRun(settings, join(runs.root, "paused"), {}, { ...runs.request(), pauseAfter: 2 });
    expect(await run.run()).toBe("paused");
    expect(await run.run()).toBe("paused");
    await run.close();
    expect(await runs.metricsOf("paused")).toEqual((await runs.metricsOf("without a pause")).slice(0, 2));
    expect(await runs.resumed("paused")).toBe("all epochs done");
    expect((await runs.bytesOf("paused", "last")).equals(await runs.bytesOf("without a pause", "last"))).toBe(true);
  });

  test("that is over is not trained again", async () => {
    await runs.trained("over", runs.config({ epochs: 1 }));
    const before = await runs.bytesOf("over", "last");
    expect(await runs.resumed("over")).toBe("all epochs done");
    expect((await runs.bytesOf("over", "last")).equals(before)).toBe(true);
  });
});

describe("the schedule", () => {
  test("learning rates of a run are those of ReduceLROnPlateau on its validation losses", async () => {
    const plateau = { factor: 0.5, patience: 0 };
    await runs.trained("plateau", runs.config({ epochs: 8, learningRate: 0.3, plateau }));
    const records = await runs.metricsOf("plateau");
    const scheduler = new ReduceLROnPlateau({ learningRate: 0.3, ...plateau });
    let expected = 0.3;
    for (const { learningRate, validation } of records) {
      expect(learningRate).toBe(expected);
      expected = scheduler.step(validation.loss);
    }
    expect(records.at(-1)?.learningRate).toBeLessThan(0.3);
  });

  test("early stopping ends a run that does not improve", async () => {
    const settings = runs.config({ epochs: 40, learningRate: 1e-9, earlyStopping: { patience: 2 } });
    // Running statistics still settle, so the loss moves for a while.
    expect(await runs.trained("early", settings)).toBe("early stopping");
    const losses = (await runs.metricsOf("early")).map(({ validation }) => validation.loss);
    const best = losses.indexOf(Math.min(...losses));
    expect(losses.length - 1 - best).toBe(2);
  });
});

test("the reference network learns a few slices by heart", async () => {
  const network = { preset: "attention-res-unet" } as const;
  const config = runs.config({ network, overfitBatches: 1, epochs: 30, baseFeatures: 2, learningRate: 1e-2 });
  await runs.trained("heart", config);
  const records = await runs.metricsOf("heart");
  expect(records.at(-1)?.training.loss ?? 9).toBeLessThan(0.5 * (records[0]?.training.loss ?? 0));
  // The liver is a few pixels of these tiny slices.
  const dice = records.map(({ training }) => training.dice[1] ?? 0);
  expect(dice.at(-1)).toBeGreaterThan(2 * (dice[0] ?? 1));
});

test("a batch in parts trains too, and two steps try everything", async () => {
  await runs.trained("parts", runs.config({ batch: 5, microBatch: 2, epochs: 4 }));
  const records = await runs.metricsOf("parts");
  expect(records.at(-1)?.training.loss ?? 9).toBeLessThan(records[0]?.training.loss ?? 0);
  await runs.trained("fast", runs.config({ fastDevRun: true, epochs: 9 }));
  const [only, ...more] = await runs.metricsOf("fast");
  expect(only?.step).toBe(2);
  expect(more).toEqual([]);
});

test("a loss that is not finite ends the run, names the slices and leaves the checkpoint", async () => {
  const settings = runs.config({ learningRate: 1e38, epochs: 5 });
  await expect(runs.trained("nan", settings)).rejects.toThrow(NonFiniteLossError);
  const run = await resumeRun(join(runs.root, "nan"), runs.request());
  await run.close();
  const { tensors } = await run.folder.loadCheckpoint("last");
  for (const { data } of tensors.values()) expect(Array.from(data as Float32Array).every(Number.isFinite)).toBe(true);
  await expect(runs.resumed("nan")).rejects.toThrow(/slices phantom_00\d #\d|validation loss/);
});
