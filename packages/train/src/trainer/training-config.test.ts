import { describe, expect, test } from "vitest";
import { lossOfConfig, lossText, misfitOfWeights } from "../settings/loss-setting.js";
import { ConfigError } from "./config-error.js";
import type { TrainingConfig } from "./config-schema.js";
import { parseConfig, resolveConfig, resolveLayers } from "./training-config.js";

const resolved = (...layers: Record<string, unknown>[]): TrainingConfig =>
  resolveConfig(null, { data: "d" }, ...layers);

/** The configuration of a run of a version that knew no such settings. */
function without(...names: (keyof TrainingConfig)[]): Record<string, unknown> {
  const config: Record<string, unknown> = { ...resolved() };
  for (const name of names) delete config[name];
  return config;
}

describe("optimizer, clipping, averages, oversampling", () => {
  test("are Adam and nothing more by default, and for runs that did not record them", () => {
    const { optimizer, clipNorm, ema, oversample, oversampleBy, stepsPerEpoch } = resolved();
    expect({ optimizer, clipNorm, ema, oversample, oversampleBy, stepsPerEpoch }).toEqual({
      optimizer: { kind: "adam", weightDecay: 0 },
      clipNorm: null,
      ema: null,
      oversample: 0,
      oversampleBy: "any",
      stepsPerEpoch: null,
    });
    const later = without("optimizer", "clipNorm", "ema", "oversample", "oversampleBy", "stepsPerEpoch");
    expect(parseConfig(later, "config.json")).toEqual(resolved());
  });

  test("another optimizer has its own defaults", () => {
    expect(resolved({ optimizer: { kind: "adamw" } }).optimizer).toEqual({ kind: "adamw", weightDecay: 0.01 });
    expect(resolved({ optimizer: { kind: "sgd", weightDecay: 1e-4 } }).optimizer).toEqual({
      kind: "sgd",
      momentum: 0.9,
      weightDecay: 1e-4,
    });
  });

  test.each([
    [
      { optimizer: { momentum: 0.9 } },
      /'optimizer.momentum' has no effect with the optimizer 'adam'; it goes with sgd/,
    ],
    [{ optimizer: { kind: "sgd", momentum: 1 } }, /'optimizer.momentum' needs a number from 0 and below 1, got 1/],
    [{ optimizer: { kind: "lamb" } }, /'optimizer.kind' needs one of adam, adamw, sgd, got 'lamb'/],
    [{ clipNorm: 0 }, /'clipNorm' needs a number above 0 or null, got 0/],
    [{ ema: 1 }, /'ema' needs a number above 0 and below 1 or null, got 1/],
    [{ oversample: 1.1 }, /'oversample' needs a number from 0 up to 1, got 1.1/],
    [{ oversample: 0.3, overfitBatches: 1 }, /'oversample' 0.3 has no effect with 'overfitBatches/],
    [{ stepsPerEpoch: 9, overfitBatches: 1 }, /'stepsPerEpoch' 9 has no effect with 'overfitBatches/],
    [{ resampling: "cubic" }, /'resampling' cubic has no effect without 'spacing', to which slices are resampled so/],
    [{ oversampleBy: "class" }, /'oversampleBy' class has no effect without 'oversample', the share of a batch/],
  ])("%j is refused", (settings, message) => {
    expect(() => resolved(settings)).toThrow(message);
  });
});

describe("the loss", () => {
  test("is Dice-CE by default, and for runs that did not record it", () => {
    expect(resolved().loss).toEqual({
      kind: "dice-ce",
      lambdaCrossEntropy: 1,
      lambdaDice: 1,
      foregroundDice: false,
      batchDice: false,
    });
    expect(parseConfig(without("loss"), "config.json").loss).toEqual(resolved().loss);
    expect(lossOfConfig({})).toEqual(resolved().loss);
  });

  test("parameters that are left out are filled in, so that config.json has all of them", () => {
    expect(resolved({ loss: { kind: "tversky", batchDice: true } }).loss).toEqual({
      kind: "tversky",
      alpha: 0.3,
      beta: 0.7,
      foregroundDice: false,
      batchDice: true,
    });
    expect(resolved({ loss: { kind: "boundary-ce", boundaryRadius: 3 } }).loss).toEqual({
      kind: "boundary-ce",
      boundaryWeight: 10,
      boundaryRadius: 3,
      classWeights: null,
    });
  });

  test("a flag changes a parameter of the file's loss; another kind takes the place of the whole", () => {
    const file = { loss: { kind: "focal", gamma: 3, classWeights: [1, 2] } };
    expect(resolved(file, { loss: { gamma: 1 } }).loss).toEqual({ kind: "focal", gamma: 1, classWeights: [1, 2] });
    expect(resolved(file, { loss: { kind: "tversky", alpha: 0.5 } }).loss).toMatchObject({
      kind: "tversky",
      alpha: 0.5,
      beta: 0.7,
    });
  });

  test("another kind that would lose what a layer gives, and that it has too, is refused", () => {
    const layered = (...layers: readonly Record<string, unknown>[]): TrainingConfig =>
      resolveLayers(
        null,
        [{ data: "d" }, ...layers].map((settings, i) => ({ settings, nameOf: (path) => `${i}:${path.join(".")}` })),
      );
    const rare = { loss: { batchDice: true } };
    const tversky = { loss: { kind: "tversky" } };
    expect(() => layered(rare, tversky)).toThrow(
      "1:loss.batchDice would be lost, for 2:loss.kind takes the place of the whole; give 2:loss.batchDice too",
    );
    expect(() => layered(rare, {}, tversky)).toThrow("1:loss.batchDice would be lost, for 3:loss.kind");
    expect(layered(rare, tversky, { loss: { batchDice: false } }).loss).toMatchObject({ batchDice: false });
    expect(layered(rare, { loss: { kind: "dice-ce" } }).loss).toMatchObject({ batchDice: true });
    // Focal loss has no Dice term, so that nothing of its own is lost.
    expect(layered(rare, { loss: { kind: "focal" } }).loss.kind).toBe("focal");
    expect(() => layered({ optimizer: { weightDecay: 0.1 } }, { optimizer: { kind: "sgd" } })).toThrow(
      "1:optimizer.weightDecay would be lost",
    );
    expect(() => layered({ augmentation: { noise: 0.1 } }, { augmentation: { kind: "nnunet" } })).not.toThrow();
  });

  test.each([
    [{ loss: { gamma: 2 } }, /'loss.gamma' has no effect with the loss 'dice-ce'; it goes with focal, dice-focal/],
    [
      { loss: { kind: "focal", alpha: 1, beta: 1 } },
      /'loss.alpha' has no effect with the loss 'focal'; it goes with tversky/,
    ],
    [
      { loss: { kind: "focus" } },
      /'loss.kind' needs one of dice-ce, weighted-dice-ce, focal, .*, boundary-ce, got 'focus'/,
    ],
    [
      { loss: { kind: "weighted-dice-ce" } },
      /'loss.classWeights' is missing; it needs a weight for each class, the background's first/,
    ],
    [{ loss: { kind: "focal", gamma: -1 } }, /'loss.gamma' needs a number from 0, got -1/],
    [
      { loss: { kind: "boundary-ce", boundaryRadius: 9 } },
      /'loss.boundaryRadius' needs a whole number from 1 up to 8, got 9/,
    ],
    [{ nothing: 1 }, /'nothing' is no setting; leave it out/],
    [{ epoch: 1 }, /'epoch' is no setting; did you mean 'epochs'\?/],
  ])("%j is refused", (settings, message) => {
    expect(() => resolved(settings)).toThrow(ConfigError);
    expect(() => resolved(settings)).toThrow(message);
  });

  test("class weights must fit the data's classes", () => {
    const { loss } = resolved({ loss: { kind: "weighted-dice-ce", classWeights: [1, 2] } });
    expect(misfitOfWeights(loss, ["background", "liver"])).toBeUndefined();
    expect(misfitOfWeights(loss, ["background", "liver", "tumor"])).toMatch(
      /2 class weights, the data have 3 classes \(background, liver, tumor\)/,
    );
    expect(misfitOfWeights(resolved().loss, ["background"])).toBeUndefined();
  });

  test("in words, different losses differ", () => {
    expect(lossText(resolved({ loss: { kind: "tversky", batchDice: true } }).loss)).toBe(
      "tversky, alpha 0.3, beta 0.7, batch dice",
    );
    const texts = [{ kind: "focal" }, { kind: "focal", gamma: 1 }, { kind: "focal", classWeights: [1, 2] }].map(
      (loss) => lossText(resolved({ loss }).loss),
    );
    expect(texts).toEqual([
      "focal, gamma 2, class weights none",
      "focal, gamma 1, class weights none",
      "focal, gamma 2, class weights 1:2",
    ]);
  });
});

test("slices of one pixel in the bridge: no normalization of one value", () => {
  const at = (changes: object) => () => resolveConfig(null, { data: "d", size: 16, depth: 4, ...changes });
  for (const norm of ["instance", "group"])
    expect(at({ network: { norm } })).toThrow(new RegExp(`which ${norm} normalization turns to nothing; use size 32`));
  expect(at({ batch: 1 })).toThrow(
    /leaves one pixel .* 1 batch normalization .* use size 32 or depth 3, or .*batch.* 2$/,
  );
  expect(at({ batch: 8, microBatch: 1 })).toThrow(/microBatch.* 1 batch normalization .* or .*microBatch.* 2$/);
  expect(at({ size: 2, depth: 1, batch: 1 })).toThrow(/use size 4, or .*batch.* 2$/);
  expect(at({ batch: 1, size: 32 })().batch).toBe(1);
  expect(at({ batch: 2 })().size).toBe(16);
});

describe("a network of nnU-Net", () => {
  const stage = { features: 4, kernel: [3, 3], stride: [2, 1], blocks: 1, decoderConvolutions: 1 };
  const nnunet = {
    encoder: "plain",
    stages: [{ ...stage, stride: [1, 1] }, stage, stage],
    convolutionBias: true,
    norm: "instance",
    activation: "leaky-relu",
    deepSupervision: 0,
  };

  test("is none by default, and for runs that did not record it", () => {
    expect(resolved().nnunet).toBeNull();
    expect(parseConfig(without("nnunet"), "config.json")).toEqual(resolved());
    expect(resolved({ nnunet, size: 4 }).nnunet).toEqual(nnunet);
  });

  test.each([
    [{ size: 6 }, "'size' must be a multiple of 4 (2^depth), got 6; 8 is the nearest"],
    [{ depth: 3 }, "'depth' has no effect with 'nnunet', which lists the network's levels; leave it out"],
    [{ network: { skip: "add" } }, "'network.skip' has no effect with 'nnunet', which lists"],
    [{ model: "my.ts" }, "'model' and 'nnunet' both say what the network is; leave one out"],
    [{ nnunet: { ...nnunet, deepSupervision: 2 } }, "the network does not fit: deepSupervision must be from 0 to 1"],
    [{ nnunet: { ...nnunet, stages: [{ ...stage, stride: [3, 1] }] } }, "'nnunet.stages.0.stride.0' "],
  ])("with %j is refused", (changes, message) => {
    expect(() => resolved({ nnunet, ...changes })).toThrow(message);
  });
});
