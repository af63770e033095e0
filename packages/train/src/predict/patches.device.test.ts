import { openGpu } from "@lobule/node";
import { Device } from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseModelDescription } from "../model/model-description.js";
import { codeHash } from "../model/trusted-code.js";
import { gaussianProfile, patchStarts } from "./patch-grid.js";
import { SlicePredictor } from "./slice-predictor.js";

/** A network without weights: class 1 where a pixel is above the mean of what the network sees. */
const text = `
const { Module } = require("@lobule/nn");
const { concatChannels, globalAveragePool, scale, subtract } = require("@lobule/tensor");
class AboveMean extends Module {
  forward(x) { return concatChannels(scale(x, 0), subtract(x, globalAveragePool(x))); }
}
module.exports.default = () => new AboveMean();
`;

const modelOf = (changes: object) => ({
  description: parseModelDescription(
    {
      version: 1,
      architecture: "custom",
      code: codeHash(text),
      classes: ["background", "bright"],
      baseFeatures: 1,
      depth: 1,
      size: null,
      window: [0, 1],
      preset: null,
      ...changes,
    },
    "test",
  ),
  weights: new Map(),
  code: { text, source: "test" },
});

let device: Device;
beforeAll(async () => {
  device = await Device.open(await openGpu(), { validate: true });
});
afterAll(() => device.destroy());

/** Slices that are brighter to the right, so that patches differ in their mean. */
const sliceOf = (width: number, height: number, seed: number): Float32Array =>
  Float32Array.from(
    { length: width * height },
    (_, i) => (0.6 * (i % width)) / width + 0.4 * Math.abs(Math.sin((seed + 1) * (i * i + 7))),
  );

/** Σ w · (value − mean of the patch) over the patches, in float64; its sign is that of the label. */
function expectedScores(slice: Float32Array, width: number, height: number, patch: readonly [number, number]) {
  const scores = new Float64Array(slice.length);
  for (const top of patchStarts(height, patch[1], 0.5))
    for (const left of patchStarts(width, patch[0], 0.5)) {
      const places = Array.from({ length: patch[0] * patch[1] }, (_, i) => [i % patch[0], Math.floor(i / patch[0])]);
      const at = ([x = 0, y = 0]: number[]): number => (top + y) * width + left + x;
      const mean = places.reduce((sum, place) => sum + (slice[at(place)] ?? 0), 0) / places.length;
      for (const place of places) {
        const weight = gaussianProfile(place[0] ?? 0, patch[0]) * gaussianProfile(place[1] ?? 0, patch[1]);
        scores[at(place)] = (scores[at(place)] ?? 0) + weight * ((slice[at(place)] ?? 0) - mean);
      }
    }
  return scores;
}

describe("a slice that is larger than the patch", () => {
  test.each([
    [13, 9, [6, 4]],
    [8, 17, [8, 6]],
    [30, 4, [7, 4]],
  ] as const)("of %d×%d has the labels of the weighted mean of its patches %s", async (width, height, patch) => {
    const predictor = new SlicePredictor(device, modelOf({ patch }), { atOnce: 2 });
    const slices = [0, 1].map((seed) => sliceOf(width, height, seed));
    const labels = (await predictor.predict(slices, width, height)).map((each) => [...each]);
    await predictor.close();
    for (const [n, slice] of slices.entries()) {
      const expected = [...expectedScores(slice, width, height, patch)].map((score) => Number(score > 0));
      expect(labels[n]).toEqual(expected);
      const mean = slice.reduce((sum, value) => sum + value, 0) / slice.length;
      // The mean of the whole slice would give others.
      expect(labels[n]).not.toEqual([...slice].map((value) => Number(value > mean)));
    }
  });
});

test("a slice that is smaller than the patch is seen as a whole, what is around it as 0", async () => {
  const [width, height] = [5, 3];
  const slice = sliceOf(width, height, 3);
  const predictor = new SlicePredictor(device, modelOf({ patch: [8, 6] }), { atOnce: 1 });
  const [labels] = await predictor.predict([slice], width, height);
  const mean = slice.reduce((sum, value) => sum + value, 0) / 48;
  expect([...(labels ?? [])]).toEqual([...slice].map((value) => Number(value > mean)));
  await predictor.close();
});

describe("at a pixel spacing of the network's own", () => {
  const [width, height] = [14, 10];
  const labelsAt = async (changes: object, spacing?: readonly [number, number]) => {
    const predictor = new SlicePredictor(device, modelOf(changes), { atOnce: 1 });
    const [labels] = await predictor.predict([sliceOf(width, height, 1)], width, height, spacing);
    const copied = [...(labels ?? [])];
    await predictor.close();
    return copied;
  };

  test("a slice of that spacing is taken as it is, one of half of it has half the pixels, and labels are on its own grid", async () => {
    const plain = await labelsAt({});
    expect(await labelsAt({ spacing: [0.7, 0.9] }, [0.7, 0.9])).toEqual(plain);
    const half = await labelsAt({ spacing: [1.4, 1.4] }, [0.7, 0.7]);
    expect(half).toHaveLength(width * height);
    expect(half).not.toEqual(plain);
    const square = sliceOf(10, 10, 1);
    const stretched = new SlicePredictor(device, modelOf({ size: 5 }), { atOnce: 1 });
    const resampled = new SlicePredictor(device, modelOf({ spacing: [2, 2] }), { atOnce: 1 });
    const [bySize] = await stretched.predict([square], 10, 10);
    const [bySpacing] = await resampled.predict([square], 10, 10, [1, 1]);
    expect([...(bySpacing ?? [])]).toEqual([...(bySize ?? [])]);
    await stretched.close();
    await resampled.close();
  });

  test("a slice whose spacing is not given is refused", async () => {
    await expect(labelsAt({ spacing: [1, 1] })).rejects.toThrow(
      "predict: the network sees slices at a spacing of its own, so theirs must be given",
    );
  });
});
