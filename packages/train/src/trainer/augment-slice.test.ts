import { noDeformation, noIntensityChange } from "@lobule/tensor";
import { describe, expect, test } from "vitest";
import {
  type Augmentation,
  augmentationSetting,
  noAugmentation,
  usualAugmentation,
} from "../settings/augmentation-setting.js";
import { augmented } from "./augment-slice.js";
import { augmentedMapping, type Preprocessing, plainMapping } from "./slice-sampling.js";

const preprocessing: Preprocessing = { channels: [{ window: [-160, 240] }], height: 32, width: 48, resample: true };
const plain = plainMapping({ shape: [96, 64, 1], spacing: [1, 1] }, preprocessing);
const of = (augmentation: Augmentation, sample: number, epoch = 0) =>
  augmented(plain, preprocessing, augmentation, { seed: 7, epoch, sample });
const nnunet = (settings: object = {}) => augmentationSetting.parse({ kind: "nnunet", ...settings });
const drawn = (augmentation: Augmentation, count = 2000) =>
  Array.from({ length: count }, (_, sample) => of(augmentation, sample));
/** Area of the source that a pixel covers, and how the picture is turned, by its transform. */
const geometry = ([a, b, , d, e]: readonly number[]) => ({
  area: Math.abs((a as number) * (e as number) - (b as number) * (d as number)),
  isMirrored: (a as number) * (e as number) - (b as number) * (d as number) < 0,
  isTurned: Math.abs(b as number) > 1e-9,
});
/** Whether a share of 2,000 draws is the probability, within five deviations. */
const expectShare = (hits: readonly boolean[], probability: number): void => {
  const share = hits.filter(Boolean).length / hits.length;
  expect(Math.abs(share - probability)).toBeLessThan(5 * Math.sqrt((probability * (1 - probability)) / hits.length));
};

describe("light", () => {
  test("without anything on leaves a slice as it is", () => {
    expect(of(noAugmentation, 3)).toEqual({ mapping: plain, deformation: noDeformation, changes: [noIntensityChange] });
  });

  test("is what it was before there were kinds, and what an older configuration says", () => {
    const usual = usualAugmentation("light");
    const older = augmentationSetting.parse({ flip: 0.5, rotation: 15, zoom: 0.1, intensity: 0.1, noise: 0.02 });
    expect(older).toEqual(usual);
    if (usual.kind !== "light") throw new TypeError("the light augmentation is of its own kind");
    const at = { seed: 7, epoch: 2, sample: 5 };
    expect(of(usual, 5, 2)).toEqual({
      mapping: augmentedMapping(plain, preprocessing, usual, at),
      deformation: noDeformation,
      changes: [noIntensityChange],
    });
  });
});

describe("nnunet", () => {
  test("changes each slice by the probabilities, within the ranges", () => {
    const slices = drawn(nnunet({ leftRight: 0.5, frontBack: 0 }));
    const transforms = slices.map(({ mapping: [{ transform }] }) => geometry(transform));
    expectShare(
      transforms.map(({ isTurned }) => isTurned),
      0.2,
    );
    expectShare(
      transforms.map(({ isMirrored }) => isMirrored),
      0.5,
    );
    const zooms = transforms.map(({ area }) => Math.sqrt(4 / area));
    const scaled = zooms.filter((zoom) => Math.abs(zoom - 1) > 1e-9);
    expectShare(
      zooms.map((zoom) => Math.abs(zoom - 1) > 1e-9),
      0.2,
    );
    expectShare(
      scaled.map((zoom) => zoom < 1),
      0.5,
    );
    expect(Math.min(...scaled)).toBeGreaterThan(0.699);
    expect(Math.max(...scaled)).toBeLessThan(1.401);
    expectShare(
      slices.map(({ mapping: [{ noise }] }) => noise > 0),
      0.1,
    );
    const changes = slices.map(({ changes: [change] }) => change);
    expectShare(
      changes.map(({ blur }) => blur > 0),
      0.1,
    );
    expectShare(
      changes.map(({ brightness }) => brightness !== 1),
      0.15,
    );
    expectShare(
      changes.map(({ contrast }) => contrast !== 1),
      0.15,
    );
    expectShare(
      changes.map(({ coarse }) => coarse[0] > 0),
      0.125,
    );
    expectShare(
      changes.map(({ gamma }) => gamma !== 1),
      0.3,
    );
    expectShare(
      changes.map(({ invertedGamma }) => invertedGamma !== 1),
      0.1,
    );
    const gammas = changes.flatMap(({ gamma }) => (gamma === 1 ? [] : [gamma]));
    expect(Math.min(...gammas)).toBeGreaterThan(0.7);
    expect(Math.max(...gammas)).toBeLessThan(1.5);
  });

  test("deforms only where it is told to, in pixels of the shorter side", () => {
    expect(drawn(nnunet(), 50).every(({ deformation }) => deformation === noDeformation)).toBe(true);
    const elastic = drawn(nnunet({ elasticProbability: 0.4, elasticDeviation: 0.1 }));
    expectShare(
      elastic.map(({ deformation }) => deformation.deviation === 0.1 * 32 && deformation.cells === 4),
      0.4,
    );
    expect(new Set(elastic.map(({ deformation }) => deformation.seed)).size).toBeGreaterThan(700);
  });

  test("depends on seed, epoch and slice alone", () => {
    expect(of(nnunet(), 4)).toEqual(of(nnunet(), 4));
    const all = nnunet({ gammaProbability: 1 });
    expect(of(all, 4, 1)).not.toEqual(of(all, 4, 0));
    // One setting does not move what another draws.
    expect(of(nnunet({ gammaProbability: 1, blurProbability: 1 }), 4).changes[0].gamma).toBe(
      of(all, 4).changes[0].gamma,
    );
  });

  test("noise is a share of the window, in z-scores too", () => {
    const noisy = nnunet({ noiseProbability: 1 });
    const normalization = { kind: "foreground", mean: 100, deviation: 50 } as const;
    const scored: Preprocessing = { ...preprocessing, channels: [{ window: [-160, 240], normalization }] };
    const at = { seed: 7, epoch: 0, sample: 1 };
    const [{ noise }] = augmented(
      plainMapping({ shape: [96, 64, 1], spacing: [1, 1] }, scored),
      scored,
      noisy,
      at,
    ).mapping;
    // The window is 8 deviations wide.
    expect(noise).toBeCloseTo(8 * of(noisy, 1).mapping[0].noise, 10);
  });

  test("a picture that becomes smaller is averaged over more of the slice", () => {
    const smaller = nnunet({ scaleProbability: 1, scaleRange: [0.7, 0.8] });
    expect(plain[0].supersample).toBe(2);
    expect(drawn(smaller, 20).every(({ mapping: [{ supersample }] }) => supersample === 3)).toBe(true);
  });
});

test("channels lie at the same place, and each is changed in a way of its own", () => {
  const [channel] = preprocessing.channels;
  const two: Preprocessing = { ...preprocessing, channels: [channel, channel] };
  const slice = plainMapping({ shape: [96, 64, 1], spacing: [1, 1] }, two);
  const at = { seed: 7, epoch: 0, sample: 5 };
  const every = nnunet({ noiseProbability: 1, gammaProbability: 1, rotateProbability: 1, blurProbability: 1 });
  for (const settings of [usualAugmentation("light"), every]) {
    const alone = augmented(plain, preprocessing, settings, at);
    const { mapping, changes } = augmented(slice, two, settings, at);
    const [first, second] = mapping;
    expect([first, changes[0]]).toEqual([alone.mapping[0], alone.changes[0]]);
    expect(second?.transform).toEqual(first.transform);
    expect(second?.noise).not.toBe(first.noise);
    expect(second?.seed).not.toBe(first.seed);
    if (settings.kind === "nnunet") expect(changes[1]).not.toEqual(changes[0]);
    else expect(second?.gain).not.toBe(first.gain);
  }
});

test.each([
  [{ kind: "nnunet", scaleRange: [1.4, 0.7] }, /two numbers above 0 of which the second is not the smaller one/],
  [{ kind: "nnunet", blurRange: [1, 4] }, /numbers up to 3 pixels/],
  [{ kind: "nnunet", flip: 0.5 }, /flip/],
])("%j is refused", (settings, message) => {
  expect(() => augmentationSetting.parse(settings)).toThrow(message);
});
