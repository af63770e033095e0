import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readNifti, writeNifti, writePhantom } from "@lobule/data";
import { openGpu } from "@lobule/node-gpu";
import { Device } from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ReduceLROnPlateau } from "../reduce-lr-on-plateau.js";
import { RunFolder } from "../run/run-folder.js";
import { NonFiniteLossError } from "./batch-runner.js";
import { type RunRequest, resumeRun, startRun } from "./open-run.js";
import { planRun } from "./plan-run.js";
import type { TrainingOutcome } from "./trainer.js";
import { parseConfig, resolveConfig, type TrainingConfig } from "./training-config.js";

let device: Device;
let root: string;
beforeAll(async () => {
  device = await Device.open(await openGpu());
  root = await mkdtemp(join(tmpdir(), "lobule-trainer-"));
  await writePhantom(join(root, "data"), { cases: 5, testCases: 0, size: 16, slices: [3, 5], seed: 3 });
});
afterAll(async () => {
  device.destroy();
  await rm(root, { recursive: true, force: true });
});

const config = (changes: Partial<TrainingConfig> = {}): TrainingConfig =>
  resolveConfig(
    null,
    {
      data: join(root, "data"),
      size: 16,
      baseFeatures: 1,
      batch: 4,
      learningRate: 1e-2,
      epochs: 2,
      window: [-160, 240],
    },
    { earlyStopping: { patience: 50 } },
    changes,
  );

/** Stops a run after so many steps that were reported. */
interface Stop {
  readonly afterReports?: number;
}

function request({ afterReports }: Stop = {}): RunRequest {
  const controller = new AbortController();
  let reports = 0;
  let milliseconds = 0;
  return {
    ...{ device, host: "test", wallClock: () => 1000, now: () => (milliseconds += 10), signal: controller.signal },
    // Decoding in this thread: worker threads have tests of their own.
    workers: 0,
    cacheDirectoryOf: () => join(root, "cache"),
    observer: {
      validating: () => {
        reports += 1;
        if (reports === afterReports) controller.abort();
      },
    },
  };
}

async function trained(name: string, settings: TrainingConfig, stop: Stop = {}): Promise<TrainingOutcome> {
  const run = await startRun(settings, join(root, name), {}, request(stop));
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

async function resumed(name: string, stop: Stop = {}): Promise<TrainingOutcome> {
  const run = await resumeRun(join(root, name), request(stop));
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

const bytesOf = (name: string, kind: "best" | "last"): Promise<Buffer> =>
  readFile(join(root, name, "checkpoints", `${kind}.safetensors`));

/** metrics.jsonl without what depends on the clock. */
const metricsOf = async (name: string) => {
  const records = await (await RunFolder.open(join(root, name))).readMetrics();
  return records.map(({ seconds: _s, slicesPerSecond: _p, waitedShare: _w, ...rest }) => rest);
};

describe("the same seed", () => {
  test("gives the same bytes, another seed does not", async () => {
    expect(await trained("one", config())).toBe("all epochs done");
    await trained("two", config());
    await trained("other", config({ seed: 1 }));
    for (const kind of ["best", "last"] as const) {
      expect((await bytesOf("one", kind)).equals(await bytesOf("two", kind))).toBe(true);
      expect((await bytesOf("one", kind)).equals(await bytesOf("other", kind))).toBe(false);
    }
    expect(await metricsOf("two")).toEqual(await metricsOf("one"));
  });
});

describe("a run in f16", () => {
  test("learns, resumes to the same bytes, and its best checkpoint holds the network alone", async (context) => {
    const settings = (microBatch: number | null) =>
      config({ precision: "f16", epochs: 3, schedule: "cosine", warmupSteps: 2, microBatch });
    if (!device.hasF16) {
      await expect(trained("no f16", settings(null))).rejects.toThrow(/no shader-f16; use --precision f32/);
      return context.skip("adapter lacks shader-f16");
    }
    for (const microBatch of [null, 2]) {
      const name = `f16 ${microBatch}`;
      await trained(name, settings(microBatch));
      const losses = (await metricsOf(name)).map(({ training }) => training.loss);
      expect(losses.at(-1)).toBeLessThan(losses[0] as number);
      if (microBatch === null) continue;
      expect(await trained(`${name} stopped`, settings(microBatch), { afterReports: 1 })).toBe("interrupted");
      await resumed(`${name} stopped`);
      expect((await bytesOf(`${name} stopped`, "last")).equals(await bytesOf(name, "last"))).toBe(true);
      const { tensors } = await (await RunFolder.open(join(root, name))).loadCheckpoint("last");
      expect(tensors.get("loss_scaler.scale")?.data[0]).toBe(65_536);
    }
    const { tensors } = await (await RunFolder.open(join(root, "f16 2"))).loadCheckpoint("best");
    expect([...tensors.keys()].filter((each) => /loss_scaler|exp_avg/.test(each))).toEqual([]);
  });
});

describe("the split", () => {
  const splitOf = async (name: string, changes: Partial<TrainingConfig>) => {
    const run = await startRun(config(changes), join(root, name), {}, request());
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
    const { splitSeed: _s, fold: _f, ...older } = config();
    expect(parseConfig(older, "config.json")).toEqual(config());
  });
});

describe("a run that is broken off", () => {
  const settings = () =>
    config({
      epochs: 3,
      batch: 3,
      checkpointEvery: 2,
      augmentation: { flip: 0.5, rotation: 20, zoom: 0.2, intensity: 0.1, noise: 0.05 },
    });

  test("goes on to the bytes of an unbroken one, from a stop and from checkpoints inside an epoch", async () => {
    await trained("unbroken", settings());
    // A signal after the first validation: the run ends at the end of that epoch.
    expect(await trained("stopped", settings(), { afterReports: 1 })).toBe("interrupted");
    expect(await resumed("stopped")).toBe("all epochs done");
    // A kill leaves what was last saved: the run as it was at each checkpoint of its course.
    const places: string[] = [];
    const run = await startRun(settings(), join(root, "killed"), {}, request());
    const save = run.folder.saveCheckpoint.bind(run.folder);
    run.folder.saveCheckpoint = async (...args) => {
      await save(...args);
      const [kind, , state] = args;
      const { epoch, step } = state.training as { epoch: number; step: number };
      if (kind !== "last") return;
      const copy = `killed at ${epoch}.${step}`;
      await cp(join(root, "killed"), join(root, copy), { recursive: true });
      places.push(copy);
    };
    await run.run();
    await run.close();
    expect(places.length).toBeGreaterThan(4);
    expect(places.some((place) => !place.endsWith(".0"))).toBe(true);
    // One inside the first epoch, one at an end, one late.
    const tried = [places[1], places.find((place) => place.endsWith("1.0")), places.at(-3)].map((place) => place ?? "");
    for (const name of ["stopped", "killed", ...tried]) {
      if (name !== "killed" && name !== "stopped") expect(await resumed(name)).toBe("all epochs done");
      expect((await bytesOf(name, "last")).equals(await bytesOf("unbroken", "last")), `${name}: last`).toBe(true);
      expect((await bytesOf(name, "best")).equals(await bytesOf("unbroken", "best")), `${name}: best`).toBe(true);
      expect(await metricsOf(name)).toEqual(await metricsOf("unbroken"));
    }
  });

  test.each([
    [
      "SGD, clipped, with averaged weights",
      { optimizer: { kind: "sgd", momentum: 0.9, weightDecay: 1e-3 }, clipNorm: 0.5 },
    ],
    ["AdamW on batches in parts", { optimizer: { kind: "adamw", weightDecay: 0.1 }, microBatch: 2, clipNorm: 0.5 }],
  ] satisfies [string, Partial<TrainingConfig>][])("%s and oversampled: inside an epoch too", async (name, changes) => {
    const all = { ...settings(), ...changes, ema: 0.8, oversample: 0.4, epochs: 2 };
    await trained(`${name} unbroken`, all);
    const run = await startRun(all, join(root, `${name} killed`), {}, request());
    const save = run.folder.saveCheckpoint.bind(run.folder);
    let copied = false;
    run.folder.saveCheckpoint = async (...args) => {
      await save(...args);
      const { step } = args[2].training as { step: number };
      if (step === 0 || copied) return;
      copied = true;
      await cp(join(root, `${name} killed`), join(root, name), { recursive: true });
    };
    await run.run();
    await run.close();
    expect(copied).toBe(true);
    expect(await resumed(name)).toBe("all epochs done");
    for (const kind of ["last", "best"] as const) {
      expect((await bytesOf(name, kind)).equals(await bytesOf(`${name} unbroken`, kind)), kind).toBe(true);
    }
    expect(await metricsOf(name)).toEqual(await metricsOf(`${name} unbroken`));
  });

  test("that is paused has the bytes, then and later, of one that was not: the learning rate follows all epochs", async () => {
    const settings = config({ epochs: 3, schedule: "cosine" });
    await trained("without a pause", settings);
    const run = await startRun(settings, join(root, "paused"), {}, { ...request(), pauseAfter: 2 });
    expect(await run.run()).toBe("paused");
    expect(await run.run()).toBe("paused");
    await run.close();
    expect(await metricsOf("paused")).toEqual((await metricsOf("without a pause")).slice(0, 2));
    expect(await resumed("paused")).toBe("all epochs done");
    expect((await bytesOf("paused", "last")).equals(await bytesOf("without a pause", "last"))).toBe(true);
  });

  test("that is over is not trained again", async () => {
    await trained("over", config({ epochs: 1 }));
    const before = await bytesOf("over", "last");
    expect(await resumed("over")).toBe("all epochs done");
    expect((await bytesOf("over", "last")).equals(before)).toBe(true);
  });
});

describe("the schedule", () => {
  test("learning rates of a run are those of ReduceLROnPlateau on its validation losses", async () => {
    const plateau = { factor: 0.5, patience: 0 };
    await trained("plateau", config({ epochs: 8, learningRate: 0.3, plateau }));
    const records = await metricsOf("plateau");
    const scheduler = new ReduceLROnPlateau({ learningRate: 0.3, ...plateau });
    let expected = 0.3;
    for (const { learningRate, validation } of records) {
      expect(learningRate).toBe(expected);
      expected = scheduler.step(validation.loss);
    }
    expect(records.at(-1)?.learningRate).toBeLessThan(0.3);
  });

  test("early stopping ends a run that does not improve", async () => {
    const settings = config({ epochs: 40, learningRate: 1e-9, earlyStopping: { patience: 2 } });
    // Running statistics still settle, so the loss moves for a while.
    expect(await trained("early", settings)).toBe("early stopping");
    const losses = (await metricsOf("early")).map(({ validation }) => validation.loss);
    const best = losses.indexOf(Math.min(...losses));
    expect(losses.length - 1 - best).toBe(2);
  });
});

test("a network learns a few slices by heart", async () => {
  await trained("heart", config({ overfitBatches: 1, epochs: 30, baseFeatures: 2, learningRate: 1e-2 }));
  const records = await metricsOf("heart");
  expect(records.at(-1)?.training.loss ?? 9).toBeLessThan(0.5 * (records[0]?.training.loss ?? 0));
  // The liver is a few pixels of these tiny slices.
  const dice = records.map(({ training }) => training.dice[1] ?? 0);
  expect(dice.at(-1)).toBeGreaterThan(2 * (dice[0] ?? 1));
});

describe("averaged weights", () => {
  const tensorsOf = async (name: string, kind: "best" | "last") =>
    (await (await RunFolder.open(join(root, name))).loadCheckpoint(kind)).tensors;

  test("are what is validated and kept as the best; the last checkpoint has them beside the weights", async () => {
    const settings = (ema: number | null) =>
      config({ epochs: 1, batch: 3, learningRate: 0.05, schedule: "constant", ema });
    await trained("plain", settings(null));
    await trained("averaged", settings(0.9));
    const [plain, last, best] = [
      await tensorsOf("plain", "last"),
      await tensorsOf("averaged", "last"),
      await tensorsOf("averaged", "best"),
    ];
    // Training itself is the same; its averages are not.
    for (const [name, { data }] of plain) expect(last.get(name)?.data, name).toEqual(data);
    const names = [...best.keys()];
    expect(names.toSorted()).toEqual([...(await tensorsOf("plain", "best")).keys()].toSorted());
    for (const name of names) expect(best.get(name)?.data, name).toEqual(last.get(`ema.${name}`)?.data);
    const differ = names.filter((name) => String(best.get(name)?.data) !== String(plain.get(name)?.data));
    expect(differ.some((name) => name.endsWith("weight"))).toBe(true);
    expect(differ.some((name) => name.endsWith("running_mean"))).toBe(true);
    const [[without], [withAverage]] = [await metricsOf("plain"), await metricsOf("averaged")];
    expect(withAverage?.training).toEqual(without?.training);
    expect(withAverage?.validation.loss).not.toBe(without?.validation.loss);
  });

  test("after one step are the weights themselves, to the bit", async () => {
    const once = config({ epochs: 1, batch: 100, ema: 0.999 });
    await trained("one step", once);
    const last = await tensorsOf("one step", "last");
    const averages = [...last].filter(([name]) => name.startsWith("ema."));
    expect(averages.length).toBeGreaterThan(10);
    for (const [name, { data }] of averages) expect(data, name).toEqual(last.get(name.slice(4))?.data);
  });
});

test("SGD learns a few slices by heart, with a norm that is clipped", async () => {
  const optimizer = { kind: "sgd", momentum: 0.9, weightDecay: 0 } as const;
  const settings = { overfitBatches: 1, epochs: 30, baseFeatures: 2, learningRate: 0.05, optimizer, clipNorm: 1 };
  await trained("sgd heart", config(settings));
  const records = await metricsOf("sgd heart");
  expect(records.at(-1)?.training.loss ?? 9).toBeLessThan(0.7 * (records[0]?.training.loss ?? 0));
});

test("oversampling where there is no foreground is refused", async () => {
  const data = join(root, "empty");
  await writePhantom(data, { cases: 3, testCases: 0, size: 16, slices: [2, 2], seed: 1 });
  for (const name of ["phantom_001", "phantom_002", "phantom_003"]) {
    const image = await readNifti(join(data, "imagesTr", `${name}.nii.gz`));
    await writeNifti(join(data, "labelsTr", `${name}.nii.gz`), { ...image, data: new Uint8Array(image.data.length) });
  }
  await expect(trained("no foreground", config({ data, oversample: 0.3 }))).rejects.toThrow(
    /no training slice holds foreground, so there is none to draw; leave out --oversample/,
  );
});

describe("every loss", () => {
  const kinds: readonly TrainingConfig["loss"][] = [
    { kind: "weighted-dice-ce", classWeights: [0.5, 1, 2], lambdaCrossEntropy: 1, lambdaDice: 1 },
    { kind: "focal", gamma: 2, classWeights: null },
    { kind: "dice-focal", gamma: 2, classWeights: null, lambdaFocal: 2, lambdaDice: 1 },
    { kind: "tversky", alpha: 0.3, beta: 0.7 },
    { kind: "boundary-ce", boundaryWeight: 5, boundaryRadius: 1, classWeights: null },
  ];

  test.each(kinds)("$kind is learned, and validated by the same loss", async (loss) => {
    const name = `loss ${loss.kind}`;
    // The validation slices are those of training, by running statistics that have settled.
    await trained(name, config({ loss, overfitBatches: 1, epochs: 12, learningRate: 2e-2 }));
    const records = await metricsOf(name);
    const [first, last] = [records[0], records.at(-1)];
    expect(last?.training.loss).toBeLessThan(first?.training.loss ?? 0);
    for (const { loss: sum, crossEntropy, diceLoss } of [last?.training, last?.validation].flatMap(
      (each) => each ?? [],
    )) {
      const terms = {
        "dice-ce": crossEntropy + diceLoss,
        "weighted-dice-ce": crossEntropy + diceLoss,
        focal: crossEntropy,
        "dice-focal": 2 * crossEntropy + diceLoss,
        tversky: diceLoss,
        "boundary-ce": crossEntropy,
      };
      expect(Math.abs(sum - terms[loss.kind])).toBeLessThan(1e-5);
    }
  });

  test("weights for other classes than the data's are refused before anything is written", async () => {
    const loss = { kind: "focal", gamma: 2, classWeights: [1, 2] } as const;
    const settings = config({ loss: { ...loss, classWeights: [...loss.classWeights] } });
    await expect(trained("misfit", settings)).rejects.toThrow(/2 class weights, the data have 3 classes/);
    await expect(RunFolder.open(join(root, "misfit"))).rejects.toThrow(/is no run folder/);
  });
});

test("a batch in parts trains too, and two steps try everything", async () => {
  await trained("parts", config({ batch: 5, microBatch: 2, epochs: 4 }));
  const records = await metricsOf("parts");
  expect(records.at(-1)?.training.loss ?? 9).toBeLessThan(records[0]?.training.loss ?? 0);
  await trained("fast", config({ fastDevRun: true, epochs: 9 }));
  const [only, ...more] = await metricsOf("fast");
  expect(only?.step).toBe(2);
  expect(more).toEqual([]);
});

test("a loss that is not finite ends the run, names the slices and leaves the checkpoint", async () => {
  const settings = config({ learningRate: 1e38, epochs: 5 });
  await expect(trained("nan", settings)).rejects.toThrow(NonFiniteLossError);
  const run = await resumeRun(join(root, "nan"), request());
  await run.close();
  const { tensors } = await run.folder.loadCheckpoint("last");
  for (const { data } of tensors.values()) expect(Array.from(data as Float32Array).every(Number.isFinite)).toBe(true);
  await expect(resumed("nan")).rejects.toThrow(/slices phantom_00\d #\d|validation loss/);
});

describe("workload.json", () => {
  const workloadOf = async (name: string) => {
    const workload = await (await RunFolder.open(join(root, name))).readWorkload();
    if (workload === null) throw new Error(`${name} has no workload.json`);
    return workload;
  };

  test("has the hash of every case, and a step by its plan: the program that the run trains with", async () => {
    const run = await startRun(config(), join(root, "workload"), {}, request());
    await run.close();
    const { cases, step } = await workloadOf("workload");
    expect(Object.keys(cases).sort()).toEqual([...run.data.split.training, ...run.data.split.validation].sort());
    expect(cases).toEqual(Object.fromEntries(run.data.cache.contentHashes));
    expect(step.peakBytes).toBe(run.bytes);
    expect(step.slices).toBe(4);
    const sizes = run.trainer.network.parameters().map(({ shape }) => shape.reduce((size, extent) => size * extent, 1));
    expect(step.parameters).toBe(sizes.reduce((sum, size) => sum + size, 0));
    expect(step.flops).toBeGreaterThan(2 * 3 * 16 * 16 * 4);
    // The same is told from headers alone.
    const plan = await planRun(config(), { kernels: device.kernels });
    expect(plan.step).toEqual(step);
    expect(plan.split).toEqual(run.data.split);
    expect(plan).toMatchObject({ slices: run.trainer.slices.training, steps: 2 * Math.ceil(plan.slices / 4) });
  });

  test("a batch in parts does the work of the whole one and more for its update; the largest part fits in less", async () => {
    const stepOf = async (name: string, changes: Partial<TrainingConfig>) => {
      const run = await startRun(config(changes), join(root, name), {}, request());
      await run.close();
      return (await workloadOf(name)).step;
    };
    const whole = await stepOf("step whole", { batch: 5 });
    const parts = await stepOf("step in parts", { batch: 5, microBatch: 2 });
    expect(parts.slices).toBe(5);
    expect(parts.parameters).toBe(whole.parameters);
    expect(parts.bytes).toBeGreaterThan(whole.bytes);
    // Statistics, weights and their gradients are handled once a part: a little more than the same work.
    expect(parts.flops / whole.flops).toBeGreaterThan(1);
    expect(parts.flops / whole.flops).toBeLessThan(1.5);
    expect(parts.peakBytes).toBeLessThan(whole.peakBytes);
  });

  test("a run of a version without it gets it when it goes on", async () => {
    await trained("older", config({ epochs: 1 }));
    const before = await workloadOf("older");
    await rm(join(root, "older", "workload.json"));
    expect(await (await RunFolder.open(join(root, "older"))).readWorkload()).toBeNull();
    await resumed("older");
    expect(await workloadOf("older")).toEqual(before);
  });
});

describe("a folder that has changed", () => {
  test("a case that holds something else by now is named, and the run does not go on", async () => {
    const data = join(root, "replaced");
    await writePhantom(data, { cases: 3, testCases: 0, size: 16, slices: [2, 2], seed: 1 });
    await trained("replaced run", config({ data, epochs: 1 }));
    await rm(data, { recursive: true });
    await writePhantom(data, { cases: 3, testCases: 0, size: 16, slices: [2, 2], seed: 2 });
    await expect(resumed("replaced run")).rejects.toThrow(
      /the case phantom_00\d no longer holds what it held when .*replaced run began; restore it, or begin another run/,
    );
  });

  test("a case of the split that is gone is named", async () => {
    const data = join(root, "fewer");
    await writePhantom(data, { cases: 3, testCases: 0, size: 16, slices: [2, 2], seed: 1 });
    await trained("lost", config({ data, epochs: 1 }));
    const path = join(data, "dataset.json");
    const json = JSON.parse(await readFile(path, "utf8"));
    await writeFile(path, JSON.stringify({ ...json, training: json.training.slice(1) }));
    await expect(resumed("lost")).rejects.toThrow(/the case phantom_001 of this run's split is not there any more/);
  });

  test("labels that are no class are named", async () => {
    const data = join(root, "labels");
    const written = await writePhantom(data, { cases: 2, testCases: 0, size: 16, slices: [2, 2], seed: 1 });
    expect(written.cases).toBe(2);
    const grid = {
      shape: [16, 16, 2],
      spacing: [1, 1, 1],
      affine: [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
      ],
    } as const;
    await writeNifti(join(data, "labelsTr", "phantom_001.nii.gz"), { ...grid, data: new Uint8Array(512).fill(7) });
    await expect(trained("wrong", config({ data }))).rejects.toThrow(/phantom_001/);
  });
});
