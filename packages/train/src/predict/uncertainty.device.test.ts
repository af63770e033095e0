import { fromCanonical, type Grid, MemoryStorage, readNifti, toCanonical, writeNifti } from "@lobule/data";
import { openGpu } from "@lobule/node";
import { Device } from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseModelDescription } from "../model/model-description.js";
import { codeHash } from "../model/trusted-code.js";
import type { PredictingModel } from "./ensemble.js";
import { segmentVolume } from "./segment-volume.js";
import { SlicePredictor } from "./slice-predictor.js";

const [width, height, depth] = [6, 5, 3];

/** A network without weights: logits 0, the brightness of the slice, and twice its darkness. */
const text = `
const { Module } = require("@lobule/nn");
const { concatChannels, scale } = require("@lobule/tensor");
class Torn extends Module {
  forward(x) { return concatChannels(concatChannels(scale(x, 0), x), scale(x, -2)); }
}
module.exports.default = () => new Torn();
`;

/** @param window brightness is a share of it, so that models of different windows differ. */
const modelOf = (window: readonly [number, number], changes: object = {}): PredictingModel => ({
  description: parseModelDescription(
    {
      version: 1,
      architecture: "custom",
      code: codeHash(text),
      classes: ["background", "bright", "dark"],
      baseFeatures: 1,
      depth: 1,
      size: null,
      window,
      preset: null,
      ...changes,
    },
    "torn",
  ),
  weights: new Map(),
  code: { text, source: "torn" },
});

const windows = [
  [-100, 100],
  [-40, 10],
] as const;
const voxels = Int16Array.from({ length: width * height * depth }, (_, i) => ((i * i * 7 + 3 * i) % 260) - 130);

/** By float64: the entropy of mean probabilities, and that less the mean of the entropies. */
function expectedMaps(value: number, of: readonly (readonly [number, number])[]) {
  const entropyOf = (p: readonly number[]): number => -p.reduce((sum, each) => sum + each * Math.log(each), 0);
  const probabilities = of.map(([low, high]) => {
    const share = (Math.min(Math.max(value, low), high) - low) / (high - low);
    const parts = [0, share, -2 * share].map(Math.exp);
    const sum = parts.reduce((a, b) => a + b);
    return parts.map((each) => each / sum);
  });
  const mean = [0, 1, 2].map((c) => probabilities.reduce((sum, p) => sum + (p[c] ?? 0), 0) / of.length);
  const entropy = entropyOf(mean);
  return { entropy, disagreement: entropy - probabilities.reduce((sum, p) => sum + entropyOf(p), 0) / of.length };
}

let device: Device;
beforeAll(async () => {
  device = await Device.open(await openGpu(), { validate: true });
});
afterAll(() => device.destroy());

const slices = Array.from({ length: depth }, (_, z) => voxels.subarray(z * width * height, (z + 1) * width * height));

test("maps are those of the formula in float64, and labels those of a predictor without maps", async () => {
  const models = windows.map((window) => modelOf(window));
  const [plain, unsure] = [false, true].map(
    (uncertainty) => new SlicePredictor(device, models, { atOnce: depth, uncertainty }),
  ) as [SlicePredictor, SlicePredictor];
  const labels = (await plain.predict(slices, width, height)).map((each) => [...each]);
  const found = await unsure.predictUncertain(slices, width, height);
  expect(found.map((each) => [...each.labels])).toEqual(labels);
  for (const [n, { maps }] of found.entries()) {
    for (const [i, value] of slices[n]?.entries() ?? []) {
      const expected = expectedMaps(value, windows);
      expect(maps.entropy?.[i]).toBeCloseTo(expected.entropy, 5);
      expect(maps.disagreement?.[i]).toBeCloseTo(expected.disagreement, 5);
    }
  }
  await plain.close();
  await unsure.close();
});

test("one model has no disagreement, and in patches its entropy is that of the merged scores", async () => {
  const predictor = new SlicePredictor(device, modelOf(windows[0], { patch: [4, 4] }), {
    atOnce: 3,
    uncertainty: true,
  });
  const found = await predictor.predictUncertain(slices, width, height);
  // The network looks at single pixels, so that all patches say the same of one.
  for (const [n, { maps }] of found.entries()) {
    expect(Object.keys(maps)).toEqual(["entropy"]);
    for (const [i, value] of slices[n]?.entries() ?? [])
      expect(maps.entropy?.[i]).toBeCloseTo(expectedMaps(value, [windows[0]]).entropy, 5);
  }
  await predictor.close();
});

const canonical = {
  shape: [width, height, depth],
  spacing: [1, 1, 2],
  affine: [
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 2, 0],
  ],
} as const;
/** The same voxels of the patient, stored in other orders. */
const grids: readonly [string, Grid][] = [
  [
    "as radiologists look at them",
    {
      ...canonical,
      affine: [
        [-1, 0, 0, 5],
        [0, -1, 0, 4],
        [0, 0, 2, 0],
      ],
    },
  ],
  [
    "with sagittal slices",
    {
      shape: [height, depth, width],
      spacing: [1, 2, 1],
      affine: [
        [0, 0, 1, 0],
        [1, 0, 0, 0],
        [0, 2, 0, 0],
      ],
    },
  ],
];

describe.each(grids)("a scan %s", (_, grid) => {
  test("has maps on its own grid, as NIfTI of float32", async () => {
    const storage = new MemoryStorage();
    await writeNifti(storage, "scan.nii", fromCanonical({ ...canonical, data: voxels }, grid));
    const models = windows.map((window) => modelOf(window));
    const predictor = new SlicePredictor(device, models, { atOnce: 2, uncertainty: true });
    const maps = { entropy: "entropy.nii.gz", disagreement: "disagreement.nii" };
    await segmentVolume(storage, predictor, "scan.nii", "labels.nii", { maps });
    await predictor.close();
    const expected = [...voxels].map((value) => expectedMaps(value, windows));
    for (const name of ["entropy", "disagreement"] as const) {
      const volume = await readNifti(storage, maps[name]);
      expect(volume.shape).toEqual(grid.shape);
      const { data } = toCanonical(volume);
      expect(data).toBeInstanceOf(Float32Array);
      expect(Math.max(...expected.map((each, i) => Math.abs(each[name] - (data[i] ?? 9))))).toBeLessThan(1e-5);
    }
  });
});
