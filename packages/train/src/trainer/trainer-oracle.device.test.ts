import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readDecathlon, readNifti, toCanonical, writePhantom } from "@lobule/data";
import { nodeStorage, openGpu } from "@lobule/node";
import { Device } from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { readModel } from "../model/load-model.js";
import { predictVolume } from "../predict/evaluate-cases.js";
import { SlicePredictor } from "../predict/slice-predictor.js";
import type { EpochRecord } from "../run/epoch-record.js";
import type { TrainingConfig } from "./config-schema.js";
import { startRun } from "./open-run.js";
import type { RunRequest } from "./run-request.js";
import { resolveConfig } from "./training-config.js";
import * as validation from "./validation.js";

// Validation can be given losses to report, so that a sequence of PyTorch's goes through a whole run.
vi.mock("./validation.js", { spy: true });

let device: Device;
let root: string;
beforeAll(async () => {
  device = await Device.open(await openGpu());
  root = await mkdtemp(join(tmpdir(), "lobule-oracle-"));
  await writePhantom(nodeStorage, join(root, "data"), { cases: 4, testCases: 0, size: 32, slices: [4, 6], seed: 5 });
});
afterAll(async () => {
  device.destroy();
  await rm(root, { recursive: true, force: true });
});

const settings = (changes: Partial<TrainingConfig>): TrainingConfig =>
  resolveConfig(
    null,
    {
      data: join(root, "data"),
      size: 32,
      network: { preset: "unet", skip: "add" },
      baseFeatures: 1,
      depth: 1,
      batch: 8,
      window: [-160, 240],
    },
    changes,
  );

async function run(name: string, config: TrainingConfig, onEpoch: (record: EpochRecord) => void): Promise<string> {
  let milliseconds = 0;
  const request: RunRequest = {
    storage: nodeStorage,
    device,
    now: () => (milliseconds += 10),
    workers: 0,
    cacheDirectoryOf: () => join(root, "cache"),
    observer: { epoch: onEpoch },
  };
  const opened = await startRun(config, join(root, name), {}, request);
  try {
    return await opened.run();
  } finally {
    await opened.close();
  }
}

interface Sequence {
  readonly initial_lr: number;
  readonly val_loss: readonly (number | null)[];
  readonly lr: readonly number[];
}

const file = new URL("../../../../bench/fixtures/schedulers.json", import.meta.url);
const { sequences, factor, patience } = JSON.parse(await readFile(file, "utf8")) as {
  sequences: Record<string, Sequence>;
  factor: number;
  patience: number;
};
// A validation loss that is NaN ends a run; that is tested with the trainer.
const whole = Object.entries(sequences).filter(([, { val_loss }]) => !val_loss.includes(null));

describe("PyTorch's ReduceLROnPlateau through the trainer", () => {
  test.each(whole)("%s: each epoch trains with the rate that its losses so far lead to", async (name, sequence) => {
    const losses = sequence.val_loss as readonly number[];
    let at = 0;
    vi.mocked(validation.validate).mockImplementation(async () => {
      const loss = losses[at++] ?? Number.NaN;
      const dice = { sliceMean: [], foregroundSliceMean: [], pooled: [], perCase: [] };
      return { result: { loss, pixelLoss: loss, overlapLoss: 0, dice }, worst: [] };
    });
    const rates: number[] = [];
    const config = settings({
      learningRate: sequence.initial_lr,
      epochs: losses.length,
      overfitBatches: 1,
      batch: 1,
      plateau: { factor, patience },
      earlyStopping: { patience: losses.length + 1 },
    });
    await run(name, config, ({ learningRate }) => rates.push(learningRate)).finally(() =>
      vi.mocked(validation.validate).mockRestore(),
    );
    expect(rates).toHaveLength(losses.length);
    const expected = [sequence.initial_lr, ...sequence.lr.slice(0, -1)];
    for (const [epoch, rate] of rates.entries()) expect(rate / (expected[epoch] ?? 0)).toBeCloseTo(1, 12);
  });

  test("early stopping ends a run after so many epochs without a lower loss", async () => {
    const losses = [3, 2, 2.5, 2.5, 1, 1, 4, 1.5, 9, 9];
    let at = 0;
    vi.mocked(validation.validate).mockImplementation(async () => {
      const loss = losses[at++] ?? Number.NaN;
      const dice = { sliceMean: [], foregroundSliceMean: [], pooled: [], perCase: [] };
      return { result: { loss, pixelLoss: loss, overlapLoss: 0, dice }, worst: [] };
    });
    const config = settings({ epochs: 10, overfitBatches: 1, batch: 1, earlyStopping: { patience: 3 } });
    expect(await run("stops", config, () => undefined)).toBe("early stopping");
    vi.mocked(validation.validate).mockRestore();
    // 1 is the best at the fifth epoch; the sixth equals it, which is no improvement.
    expect(at).toBe(8);
  });
});

test("the Dice of a validation is what plain loops count on the labels of its checkpoint", async () => {
  vi.mocked(validation.validate).mockRestore();
  const records: EpochRecord[] = [];
  await run("counted", settings({ epochs: 3, learningRate: 2e-2, baseFeatures: 2 }), (record) => records.push(record));
  const best = records.findLast((record) => record.best);
  const split = JSON.parse(await readFile(join(root, "counted", "split.json"), "utf8")) as { validation: string[] };
  const predictor = new SlicePredictor(device, await readModel(nodeStorage, join(root, "counted")));
  const task = await readDecathlon(nodeStorage, join(root, "data"));
  const perCase: number[][] = [[], [], []];
  const [overlap, sizes] = [
    [0, 0, 0],
    [0, 0, 0],
  ];
  for (const { name, image, label } of task.cases.filter((each) => split.validation.includes(each.name))) {
    const found = await predictVolume(predictor, [toCanonical(await readNifti(nodeStorage, image))]);
    const truth = toCanonical(await readNifti(nodeStorage, label));
    for (const c of [0, 1, 2]) {
      let [both, either] = [0, 0];
      for (let i = 0; i < truth.data.length; i++) {
        const [t, p] = [truth.data[i] === c, found.data[i] === c];
        if (t && p) both += 1;
        either += Number(t) + Number(p);
      }
      overlap[c] = (overlap[c] ?? 0) + both;
      sizes[c] = (sizes[c] ?? 0) + either;
      if (truth.data.includes(c)) perCase[c]?.push((2 * both) / either);
    }
    expect(name).toMatch(/phantom/);
  }
  for (const c of [0, 1, 2]) {
    const list = perCase[c] ?? [];
    expect(best?.validation.dice.perCase[c]).toBeCloseTo(list.reduce((sum, each) => sum + each, 0) / list.length, 9);
    expect(best?.validation.dice.pooled[c]).toBeCloseTo((2 * (overlap[c] ?? 0)) / (sizes[c] ?? 0), 9);
  }
});
