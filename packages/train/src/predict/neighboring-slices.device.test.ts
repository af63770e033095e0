import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readNifti, type Volume, writeNifti } from "@lobule/data";
import { nodeStorage, openGpu } from "@lobule/node";
import { Device, packSamples } from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseModelDescription } from "../model/model-description.js";
import { codeHash } from "../model/trusted-code.js";
import { batchArrays, neighborsOf, plainMapping } from "../trainer/slice-sampling.js";
import { predictVolume } from "./evaluate-cases.js";
import { segmentVolume } from "./segment-volume.js";
import { SlicePredictor } from "./slice-predictor.js";

/** A network without weights: class 1 where the slice `channel` of its image is above the middle of the window. */
const lookAt = (channel: number): string => `
const { Module } = require("@lobule/nn");
const { addScalar, concatChannels, scale, sliceChannels } = require("@lobule/tensor");
class Look extends Module {
  forward(x) {
    const value = sliceChannels(x, ${channel}, ${channel + 1});
    return concatChannels(addScalar(scale(value, 0), 0.5), value);
  }
}
module.exports.default = () => new Look();
`;

const [width, height, depth] = [6, 4, 7];
/** Of each slice another part is bright. */
const bright = (slice: number, pixel: number): boolean => (pixel + slice) % (slice + 2) === 0;
const volume: Volume<Float32Array> = {
  data: Float32Array.from({ length: width * height * depth }, (_, i) => (bright(Math.floor(i / 24), i % 24) ? 100 : 0)),
  shape: [width, height, depth],
  spacing: [1, 1, 3],
  affine: [
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 3, 0],
  ],
};

const preprocessing = { channels: [{ window: [0, 1] }], height: 2, width: 2, resample: false } as const;

let device: Device;
let folder: string;
beforeAll(async () => {
  device = await Device.open(await openGpu(), { validate: true });
  folder = await mkdtemp(join(tmpdir(), "lobule-margin-"));
});
afterAll(async () => {
  device.destroy();
  await rm(folder, { recursive: true });
});

test("neighbors, and the outermost slice again beyond the ends", () => {
  const cases = [{ shape: [1, 1, 4] }] as const;
  const slices = (slice: number): number[] => neighborsOf(cases, { case: 0, slice }, 5).map((key) => key.slice);
  expect(slices(2)).toEqual([0, 1, 2, 3, 3]);
  expect(slices(0)).toEqual([0, 0, 0, 1, 2]);
});

test("in training: pixels of all neighbors, each with its own quantization, labels of the slice itself", () => {
  const slotPixels = 4;
  // Slot i holds pixels 2i and 2i + 1 a word, and label word i.
  const batch = {
    pixels: Uint32Array.from({ length: 12 }, (_, i) => i),
    labels: Uint32Array.from({ length: 6 }, (_, i) => i),
    quantizations: Array.from({ length: 6 }, (_, i) => ({ scale: 1 + i, offset: 10 * i })),
  };
  const [mapping] = plainMapping({ shape: [2, 2, 1], spacing: [1, 1] }, preprocessing);
  const range = { first: 1, end: 2, slotPixels, inputSlices: 3 };
  const { pixels, labels, samples, labeled } = batchArrays(batch, [[mapping], [{ ...mapping, seed: 7 }]], range);
  expect([...pixels]).toEqual([6, 7, 8, 9, 10, 11]);
  expect([...labels]).toEqual([4]);
  const sample = (seed: number, slot: number) => ({ ...mapping, seed, scale: 1 + slot, offset: 10 * slot });
  expect(samples).toEqual(packSamples([sample(7, 3), sample(8, 4), sample(9, 5)]));
  expect(labeled).toEqual(packSamples([sample(7, 3)]));
  expect(batchArrays(batch, [[mapping], [mapping]], { first: 1, end: 2, slotPixels, inputSlices: 1 })).toEqual({
    pixels: Uint32Array.of(2, 3),
    labels: Uint32Array.of(1),
    samples: packSamples([sample(0, 1)]),
  });
});

describe.each([
  [0, -2],
  [1, -1],
  [2, 0],
  [4, 2],
] as const)("channel %d of five is the slice %d away", (channel, offset) => {
  const expected = Array.from({ length: width * height * depth }, (_, i) => {
    const slice = Math.min(Math.max(Math.floor(i / 24) + offset, 0), depth - 1);
    return Number(bright(slice, i % 24));
  });

  test.each([1, 3, 8])("in batches of %d, as a whole and streamed from a file", async (atOnce) => {
    const text = lookAt(channel);
    const description = parseModelDescription(
      {
        version: 1,
        architecture: "custom",
        code: codeHash(text),
        classes: ["background", "bright"],
        inputSlices: 5,
        baseFeatures: 1,
        depth: 1,
        size: null,
        window: [0, 100],
        preset: null,
      },
      "test",
    );
    const model = { description, weights: new Map(), code: { text, source: "test" } };
    const predictor = new SlicePredictor(device, model, { atOnce });
    expect([...(await predictVolume(predictor, [volume])).data]).toEqual(expected);
    const [input, output] = [join(folder, "scan.nii.gz"), join(folder, `labels-${channel}-${atOnce}.nii.gz`)];
    await writeNifti(nodeStorage, input, volume, {});
    await segmentVolume(nodeStorage, predictor, input, output);
    expect([...(await readNifti(nodeStorage, output)).data]).toEqual(expected);
    await predictor.close();
  });
});
