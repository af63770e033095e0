import { join } from "node:path";
import { readNifti, writeNifti, writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RunFolder } from "../run/run-folder.js";
import type { TrainingConfig } from "./config-schema.js";
import { planRun } from "./plan-run.js";
import { TestRuns } from "./testing.js";
import { parseConfig } from "./training-config.js";

let runs: TestRuns;
beforeAll(async () => {
  runs = await TestRuns.open();
});
afterAll(() => runs.close());

describe("averaged weights", () => {
  const tensorsOf = async (name: string, kind: "best" | "last") =>
    (await (await RunFolder.open(nodeStorage, join(runs.root, name))).loadCheckpoint(kind)).tensors;

  test("are what is validated and kept as the best; the last checkpoint has them beside the weights", async () => {
    const settings = (ema: number | null) =>
      runs.config({ epochs: 1, batch: 3, learningRate: 0.05, schedule: "constant", ema });
    await runs.trained("plain", settings(null));
    await runs.trained("averaged", settings(0.9));
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
    const [[without], [withAverage]] = [await runs.metricsOf("plain"), await runs.metricsOf("averaged")];
    expect(withAverage?.training).toEqual(without?.training);
    expect(withAverage?.validation.loss).not.toBe(without?.validation.loss);
  });

  test("after one step are the weights themselves, to the bit", async () => {
    const once = runs.config({ epochs: 1, batch: 100, ema: 0.999 });
    await runs.trained("one step", once);
    const last = await tensorsOf("one step", "last");
    const averages = [...last].filter(([name]) => name.startsWith("ema."));
    expect(averages.length).toBeGreaterThan(10);
    for (const [name, { data }] of averages) expect(data, name).toEqual(last.get(name.slice(4))?.data);
  });
});

test("recomputation: the same bytes of every checkpoint with less memory; off for runs that did not record it", async () => {
  const { recompute: _, ...older } = runs.config();
  expect(parseConfig(older, "config.json").recompute).toBe(false);
  const settings = (recompute: boolean) => runs.config({ epochs: 1, batch: 5, microBatch: 3, recompute });
  const [kept, again] = [settings(false), settings(true)];
  await runs.trained("kept", kept);
  await runs.trained("rematerialized", again);
  const tensorsOf = async (name: string) =>
    (await (await RunFolder.open(nodeStorage, join(runs.root, name))).loadCheckpoint("last")).tensors;
  const [before, after] = [await tensorsOf("kept"), await tensorsOf("rematerialized")];
  for (const [name, { data }] of before) expect(after.get(name)?.data, name).toEqual(data);
  const planned = { kernels: runs.device.kernels };
  const [more, less] = [await planRun(nodeStorage, kept, planned), await planRun(nodeStorage, again, planned)];
  expect(less.step.peakBytes).toBeLessThan(more.step.peakBytes);
  expect(less.step.flops).toBeGreaterThan(more.step.flops);
});

test("SGD learns a few slices by heart, with a norm that is clipped", async () => {
  const optimizer = { kind: "sgd", momentum: 0.9, weightDecay: 0 } as const;
  const settings = { overfitBatches: 1, epochs: 30, baseFeatures: 2, learningRate: 0.05, optimizer, clipNorm: 1 };
  await runs.trained("sgd heart", runs.config(settings));
  const records = await runs.metricsOf("sgd heart");
  expect(records.at(-1)?.training.loss ?? 9).toBeLessThan(0.7 * (records[0]?.training.loss ?? 0));
});

test("oversampling where there is no foreground is refused", async () => {
  const data = join(runs.root, "empty");
  await writePhantom(nodeStorage, data, { cases: 3, testCases: 0, size: 16, slices: [2, 2], seed: 1 });
  for (const name of ["phantom_001", "phantom_002", "phantom_003"]) {
    const image = await readNifti(nodeStorage, join(data, "imagesTr", `${name}.nii.gz`));
    await writeNifti(nodeStorage, join(data, "labelsTr", `${name}.nii.gz`), {
      ...image,
      data: new Uint8Array(image.data.length),
    });
  }
  await expect(runs.trained("no foreground", runs.config({ data, oversample: 0.3 }))).rejects.toThrow(
    /no training slice holds foreground, so there is none to draw; leave out --oversample/,
  );
});

describe("every loss", () => {
  const overlap = { foregroundDice: false, batchDice: false };
  const kinds: readonly TrainingConfig["loss"][] = [
    { kind: "weighted-dice-ce", classWeights: [0.5, 1, 2], lambdaCrossEntropy: 1, lambdaDice: 1, ...overlap },
    { kind: "focal", gamma: 2, classWeights: null },
    { kind: "dice-focal", gamma: 2, classWeights: null, lambdaFocal: 2, lambdaDice: 1, ...overlap },
    { kind: "top-k-dice-ce", share: 0.2, lambdaCrossEntropy: 1, lambdaDice: 1, foregroundDice: true, batchDice: false },
    { kind: "generalized-dice-ce", lambdaCrossEntropy: 1, lambdaDice: 1, foregroundDice: false, batchDice: true },
    { kind: "tversky", alpha: 0.3, beta: 0.7, ...overlap },
    { kind: "boundary-ce", boundaryWeight: 5, boundaryRadius: 1, classWeights: null },
  ];

  test.each(kinds)("$kind is learned, and validated by the same loss", async (loss) => {
    const name = `loss ${loss.kind}`;
    // The validation slices are those of training, by running statistics that have settled.
    await runs.trained(name, runs.config({ loss, overfitBatches: 1, epochs: 12, learningRate: 2e-2 }));
    const records = await runs.metricsOf(name);
    const [first, last] = [records[0], records.at(-1)];
    expect(last?.training.loss).toBeLessThan(first?.training.loss ?? 0);
    for (const { loss: sum, pixelLoss, overlapLoss } of [last?.training, last?.validation].flatMap(
      (each) => each ?? [],
    )) {
      const terms = {
        "dice-ce": pixelLoss + overlapLoss,
        "weighted-dice-ce": pixelLoss + overlapLoss,
        focal: pixelLoss,
        "dice-focal": 2 * pixelLoss + overlapLoss,
        "top-k-dice-ce": pixelLoss + overlapLoss,
        "generalized-dice-ce": pixelLoss + overlapLoss,
        tversky: overlapLoss,
        "boundary-ce": pixelLoss,
      };
      expect(Math.abs(sum - terms[loss.kind])).toBeLessThan(1e-5);
    }
  });

  test("weights for other classes than the data's are refused before anything is written", async () => {
    const loss = { kind: "focal", gamma: 2, classWeights: [1, 2] } as const;
    const settings = runs.config({ loss: { ...loss, classWeights: [...loss.classWeights] } });
    await expect(runs.trained("misfit", settings)).rejects.toThrow(/2 class weights, the data have 3 classes/);
    await expect(RunFolder.open(nodeStorage, join(runs.root, "misfit"))).rejects.toThrow(/is no run folder/);
  });
});
