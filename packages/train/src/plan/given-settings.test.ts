import { expect, test } from "vitest";
import { resolveConfig } from "../trainer/training-config.js";
import { choosePlan } from "./choose-plan.js";
import { type DataFacts, unknownFacts } from "./data-facts.js";
import type { GivenSettings } from "./given-settings.js";

const offset = { cases: 50, mean: 0, agreeing: 0.5 };
const classOf = (label: number) => ({
  ...{ label, name: `class ${label}`, cases: 50, slices: 400, milliliters: unknownFacts.depth },
  offset: { x: offset, y: offset },
});
const facts: DataFacts = { ...unknownFacts, classes: [classOf(1), classOf(2)] };
const wide = { least: 0.5, median: 0.8, most: 1 };
const ofTwoSpacings: DataFacts = { ...facts, spacing: [wide, wide, wide] };

/** The configuration of a plan with given settings. */
function planned(given: GivenSettings, software: boolean, of: DataFacts = facts) {
  const choices = choosePlan({ facts: of, modality: ["CT"], software, given });
  const chosen = choices.map(({ setting: [group = "", inner], value }) => {
    return { [group]: inner === undefined ? value : { [inner]: value } };
  });
  const kinds = Object.fromEntries(
    Object.entries(given).flatMap(([group, own]) =>
      typeof own === "object" && own !== null && "kind" in own ? [[group, { kind: own.kind }]] : [],
    ),
  );
  return resolveConfig(null, kinds, ...chosen, { ...given, data: "DIR" });
}

const stage = { features: 8, kernel: [3, 3], stride: [2, 2], blocks: 1, decoderConvolutions: 1 } as const;

/** Of every setting values with which a plan has to be possible, whatever it would choose by itself. */
const samples: { readonly [Key in keyof Omit<Required<GivenSettings>, "preset" | "data">]: GivenSettings[Key][] } = {
  precision: ["f16"],
  recompute: [true],
  maxSlices: [90],
  limitCases: [5],
  trainFraction: [0.5],
  splitSeed: [3],
  fold: [{ index: 1, of: 3 }],
  validationCases: [["a"]],
  crop: ["body"],
  size: [64, 48, null],
  spacing: [[1, 2], null],
  resampling: ["linear"],
  patch: [[64, 96], null],
  window: [[0, 9], "auto"],
  normalization: ["image", "window"],
  baseFeatures: [5, 64],
  depth: [1, 2, 3, 4, 5, 6],
  inputSlices: [3],
  model: ["own.ts"],
  network: [
    { preset: "attention-res-unet-plus" },
    { preset: "res-enc-unet" },
    { encoderBlocks: [1, 2, 3, 4, 5, 6, 7] },
    { deepSupervision: 5 },
    { norm: "group", groups: 48 },
    { growth: 1.5, norm: "instance", activation: "silu", dropout: 0.1 },
    { block: "plain", skip: "add", upsampling: "bilinear", bridgeAttentionHeads: 2 },
    { gatingSignal: "coarse" },
  ],
  nnunet: [
    {
      ...{ encoder: "plain", convolutionBias: true, norm: "instance", activation: "relu", deepSupervision: 0 },
      stages: [{ ...stage, stride: [1, 1] }, ...Array.from({ length: 6 }, () => stage)],
    },
  ],
  init: ["RUN"],
  batch: [1],
  microBatch: [40],
  epochs: [3],
  stepsPerEpoch: [7],
  learningRate: [1],
  schedule: ["plateau", "constant"],
  warmupSteps: [9],
  loss: [
    ...[{ kind: "focal" as const }, { kind: "boundary-ce" as const }, { batchDice: false }],
    { kind: "weighted-dice-ce", classWeights: [1, 2, 3] },
    ...[{ foregroundDice: false, lambdaDice: 2, lambdaCrossEntropy: 3 }, { lambdaDice: 0 }],
  ],
  optimizer: [{ kind: "sgd" }, { kind: "sgd", momentum: 0.5 }, { weightDecay: 1 }],
  clipNorm: [1],
  ema: [0.9],
  oversample: [0, 1],
  oversampleBy: ["class", "any"],
  plateau: [{ factor: 0.1, patience: 2 }],
  earlyStopping: [{ patience: 2 }],
  augmentation: [
    ...[{ kind: "light" as const }, { kind: "nnunet" as const }, { flip: 0, rotation: 5 }],
    ...[{ leftRight: 0 }, { frontBack: 1, blurRange: [1, 2] as [number, number] }],
  ],
  seed: [5],
  overfitBatches: [2],
  fastDevRun: [true],
  checkpointEvery: [9],
};

test("each given setting is taken as it is, and what the plan chooses goes with it", () => {
  for (const [name, values] of Object.entries<readonly unknown[]>(samples)) {
    for (const given of values.map((value) => ({ [name]: value }))) {
      for (const config of [planned(given, false), planned(given, true), planned(given, false, ofTwoSpacings)]) {
        expect(config, JSON.stringify(given)).toMatchObject(given);
      }
    }
  }
  const full: DataFacts = { ...facts, foregroundSlices: facts.slices };
  expect(planned({ oversampleBy: "class" }, false, full).oversample).toBe(0.33);
});

test("the rate is that of the given optimizer, whose momentum is nnU-Net's", () => {
  expect(planned({}, true)).toMatchObject({ learningRate: 1e-3, optimizer: { kind: "adam" } });
  const sgd = { learningRate: 0.01, optimizer: { kind: "sgd", momentum: 0.99 } };
  expect(planned({ optimizer: { kind: "sgd" } }, true)).toMatchObject(sgd);
});

test("sides follow the depth, and the depth the parts of the network", () => {
  expect(planned({ depth: 6 }, true)).toMatchObject({ size: 128, depth: 6 });
  expect(
    planned({ depth: 5 }, true, { ...facts, width: { ...wide, median: 20 }, height: { ...wide, median: 20 } }).size,
  ).toBe(64);
  expect(planned({ network: { deepSupervision: 5 } }, false).depth).toBe(6);
});
