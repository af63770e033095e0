import { expect, test } from "vitest";
import { parseConfig, resolveConfig } from "./training-config.js";

const nnunet = { kind: "nnunet" };

test.each<[Record<string, unknown>, RegExp]>([
  [
    { trainFraction: 0.5, fold: { index: 0, of: 3 } },
    /^'trainFraction' has no effect with 'fold', which says what share/,
  ],
  [{ trainFraction: 0.5, validationCases: ["a"] }, /^'trainFraction' has no effect with 'validationCases'/],
  [{ splitSeed: 3, validationCases: ["a"] }, /^'splitSeed' has no effect with 'validationCases', which name the cases/],
  [{ plateau: { factor: 0.1 }, schedule: "cosine" }, /^'plateau.factor' has no effect with 'schedule', which is not/],
  [{ network: { groups: 4 } }, /^'network.groups' has no effect with 'network.norm'/],
  [{ network: { preset: "unet" }, model: "own.ts" }, /^'network.preset' has no effect with 'model', whose code says/],
  [{ network: { dropout: 0.1 }, model: "own.ts" }, /^'network.dropout' has no effect with 'model'/],
  [{ network: { encoderBlocks: [1, 2, 3, 4] }, depth: 2 }, /^'network.encoderBlocks' 1 2 3 4 is of 4 levels, .* has 3/],
  [
    { augmentation: { ...nnunet, elasticDeviation: 0.1 } },
    /^'augmentation.elasticDeviation' has no effect with .*Prob/,
  ],
  [
    { augmentation: { ...nnunet, gammaRange: [1, 2], gammaProbability: 0, invertedGammaProbability: 0 } },
    /^'augmentation.gammaRange' has no effect with 'augmentation.gammaProbability', which is 0/,
  ],
  [{ loss: { lambdaDice: 0, batchDice: true } }, /^'loss.batchDice' has no effect with 'loss.lambdaDice', which is 0/],
  [{ loss: { kind: "dice-focal", lambdaFocal: 0, gamma: 3 } }, /^'loss.gamma' has no effect with 'loss.lambdaFocal'/],
])("%j is refused, since one setting leaves the other without effect", (settings, message) => {
  expect(() => resolveConfig(null, { data: "d" }, settings)).toThrow(message);
});

test.each<Record<string, unknown>>([
  { splitSeed: 3, fold: { index: 0, of: 3 } },
  { plateau: { factor: 0.1 } },
  { network: { norm: "group", groups: 4 } },
  { network: { preset: "res-enc-unet" }, depth: 1 },
  // As settings of a model that was begun with have them.
  { network: { preset: "attention-res-unet", encoderBlocks: [1, 3, 4, 6], groups: 8 }, depth: 2 },
  { model: "own.ts", baseFeatures: 3 },
  { augmentation: { ...nnunet, gammaRange: [1, 2], gammaProbability: 0 } },
  { augmentation: { ...nnunet, elasticProbability: 0.1, elasticDeviation: 0.1 } },
  { loss: { kind: "tversky", batchDice: true } },
  { loss: { kind: "weighted-dice-ce", classWeights: [1, 2] } },
])("%j has an effect", (settings) => {
  expect(resolveConfig(null, { data: "d" }, settings)).toMatchObject(settings);
});

test("a run that exists is read with settings that had no effect", () => {
  const before = { ...resolveConfig(null, { data: "d" }), splitSeed: 3, validationCases: ["a"] };
  expect(parseConfig(before, "config.json").splitSeed).toBe(3);
});
