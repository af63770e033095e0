import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  allocateSliceBatch,
  readNifti,
  SliceCache,
  uniformStream,
  type Volume,
  type VoxelArray,
  writeNifti,
  type ZScores,
  zScoresOf,
} from "@lobule/data";
import { nodeStorage, openGpu } from "@lobule/node";
import { compile, Device, sampleSlices, wordsPerSample } from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Intensities, imageWindow, intensityMap, isByImage, storedAs } from "../model/intensities.js";
import { parseModelDescription } from "../model/model-description.js";
import { codeHash } from "../model/trusted-code.js";
import { batchArrays, plainMapping } from "../trainer/slice-sampling.js";
import { predictVolume } from "./evaluate-cases.js";
import { inspectSlice } from "./inspect-slice.js";
import { segmentVolume } from "./segment-volume.js";
import { SlicePredictor } from "./slice-predictor.js";

/** A network without weights: class 1 where its image is above a threshold, however little. */
const above = (threshold: number): string => `
const { Module } = require("@lobule/nn");
const { addScalar, concatChannels, scale } = require("@lobule/tensor");
class Above extends Module {
  forward(x) {
    return concatChannels(addScalar(scale(x, 0), ${threshold}), x);
  }
}
module.exports.default = () => new Above();
`;

const [width, height, depth] = [7, 5, 3];
const plain: Intensities = { window: [-160, 240] };
const next = uniformStream(5, "voxels");
const fractions = Float32Array.from({ length: width * height * depth }, () => 600 * next() - 250);
const integers = fractions.map(Math.round);
/** Fractions with one voxel far away, in the second slice, and one slice of integers. */
const outlier = fractions.map((value, i) => (i === 40 ? 1.15e6 : i >= 70 ? Math.round(value) : value));

const scored: Intensities = { ...plain, normalization: { kind: "foreground", mean: 30, deviation: 70 } };
const byImage: Intensities = { window: imageWindow, normalization: { kind: "image" } };
const volumes: readonly [string, VoxelArray, Intensities?][] = [
  ["int16", Int16Array.from(integers)],
  ["integers in float32", integers],
  ["int32 with padding of 32 bits", Int32Array.from(integers, (value, i) => (i % 7 ? value : -(2 ** 31)))],
  ["fractions", fractions],
  ["fractions and an outlier", outlier],
  ["fractions as z-scores", fractions, scored],
  ["integers as z-scores of the image", Int16Array.from(integers), byImage],
  ["fractions as z-scores of the image", fractions, byImage],
  ["fractions in float64", Float64Array.from(fractions, (value) => value + 1e-9)],
];

let device: Device;
let folder: string;
beforeAll(async () => {
  device = await Device.open(await openGpu());
  folder = await mkdtemp(join(tmpdir(), "lobule-same-input-"));
});
afterAll(async () => {
  device.destroy();
  await rm(folder, { recursive: true, force: true });
});

describe.each(volumes)("%s", (name, data, intensities = plain) => {
  const volume: Volume = {
    data,
    shape: [width, height, depth],
    spacing: [1, 1, 3],
    affine: [
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 3, 0],
    ],
  };
  const [image, label] = [() => join(folder, `${name}.nii`), () => join(folder, `${name}-label.nii`)];

  /** What a network sees of each slice in training. */
  const trainingInput = async (): Promise<Float32Array[]> => {
    await writeNifti(nodeStorage, image(), volume);
    await writeNifti(nodeStorage, label(), { ...volume, data: new Uint8Array(data.length) });
    const cases = [{ name, image: image(), label: label() }];
    const cache = await SliceCache.open(nodeStorage, cases, {
      directory: join(folder, "cache"),
      classes: 2,
      channels: 1,
      workers: 0,
    });
    const batch = allocateSliceBatch(cache, depth);
    const keys = Array.from({ length: depth }, (_, slice) => ({ case: 0, slice }));
    await cache.read(keys, batch, storedAs([intensities]).storedFor);
    const { slotPixels } = cache;
    await cache.close();
    const mapping = plainMapping(volume, { channels: [intensities], height, width, resample: false });
    const range = { first: 0, end: depth, slotPixels, inputSlices: 1 };
    const arrays = batchArrays(batch, Array(depth).fill(mapping), range);
    const program = compile(
      {
        inputs: {
          pixels: { shape: [arrays.pixels.length], dtype: "u32" },
          samples: { shape: [depth * wordsPerSample], dtype: "u32" },
        },
        build: ({ pixels, samples }) => ({
          outputs: {
            image: sampleSlices({ pixels, samples, slices: 1, slotPixels, batch: depth, height, width }).image,
          },
        }),
      },
      { kernels: device.kernels },
    );
    const loaded = await program.load(device);
    await loaded.run({ pixels: arrays.pixels, samples: arrays.samples });
    const seen = (await loaded.read("image")) as Float32Array;
    loaded.destroy();
    const size = width * height;
    return keys.map(({ slice }) => seen.slice(slice * size, (slice + 1) * size));
  };

  const modelOf = (threshold: number) => {
    const text = above(threshold);
    const description = parseModelDescription(
      {
        version: 1,
        architecture: "custom",
        code: codeHash(text),
        classes: ["background", "bright"],
        inputSlices: 1,
        baseFeatures: 1,
        depth: 1,
        size: null,
        ...intensities,
        preset: null,
      },
      "test",
    );
    return { description, weights: new Map(), code: { source: "test", text } };
  };

  test("training, inspect, evaluate and segment see the same bits", async () => {
    const seen = await trainingInput();
    const size = width * height;
    const values = seen.flatMap((slice) => [...slice]);
    // Values that many voxels have would hide a difference at their edge, others show one of the last bit.
    const { low, high, gain, shift } = intensityMap(intensities);
    // Of an image's own z-scores two to either side are shown.
    const [black, white] = isByImage(intensities) ? [-2, 2] : [low, high];
    const share = (value: number): number => ((value - shift) / gain - black) / (white - black);
    const zScores: ZScores | undefined = isByImage(intensities) ? zScoresOf(volume, "the scan") : undefined;
    if (zScores !== undefined) {
      values.forEach((value, i) => {
        expect(value).toBeCloseTo(((data[i] as number) - zScores.mean) / zScores.deviation, 2);
      });
    }
    const inside = values.filter(
      (value) => value > Math.fround(low * gain + shift) && value < Math.fround(high * gain + shift),
    );
    expect(new Set(inside).size).toBeGreaterThan(30);
    for (const [slice, expected] of seen.entries()) {
      const slices = [data.subarray(slice * size, (slice + 1) * size)];
      const { input } = await inspectSlice(device, modelOf(0.5), {
        slices,
        width,
        height,
        ...(zScores === undefined ? {} : { zScores: [zScores] }),
      });
      if (intensities.normalization === undefined) expect(input.values).toEqual(expected);
      else {
        input.values.forEach((value, i) => {
          expect(value).toBeCloseTo(share(expected[i] ?? Number.NaN), 5);
        });
      }
    }
    for (const threshold of inside.slice(0, 4)) {
      const expected = values.map((value) => Number(value > threshold));
      const predictor = new SlicePredictor(device, modelOf(threshold), { atOnce: 2 });
      expect([...(await predictVolume(predictor, [volume])).data]).toEqual(expected);
      const out = join(folder, "labels.nii");
      await segmentVolume(nodeStorage, predictor, image(), out);
      expect([...(await readNifti(nodeStorage, out)).data]).toEqual(expected);
      await predictor.close();
    }
  });
});
