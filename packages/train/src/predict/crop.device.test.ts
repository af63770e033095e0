import { MemoryStorage, readNifti, SliceCache, type Volume, writeNifti } from "@lobule/data";
import { openGpu } from "@lobule/node";
import { Device } from "@lobule/tensor";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bodyBoxOf, cropToBody } from "../model/body-box.js";
import { parseModelDescription } from "../model/model-description.js";
import { codeHash } from "../model/trusted-code.js";
import { plainMapping } from "../trainer/slice-sampling.js";
import { predictVolume } from "./evaluate-cases.js";
import { segmentVolume } from "./segment-volume.js";
import { SlicePredictor } from "./slice-predictor.js";

/** A network without weights: class 1 where its image is above a half, which is 50 HU. */
const text = `
const { Module } = require("@lobule/nn");
const { addScalar, concatChannels, scale } = require("@lobule/tensor");
class Above extends Module {
  forward(x) { return concatChannels(addScalar(scale(x, 0), 0.5), x); }
}
module.exports.default = () => new Above();
`;

let device: Device;
beforeAll(async () => {
  device = await Device.open(await openGpu(), { validate: true });
});
afterAll(() => device.destroy());

/** Air around a body that is not in the middle and in the second slice wider, with a bright table below it. */
const [width, height, depth] = [11, 9, 3];
const box = { x: 2, y: 3, width: 7, height: 4 };
const at = (x: number, y: number, slice: number): number => {
  if (y === 1 && x > 7) return 90;
  const inBody = y >= 3 && y < 7 && x >= 2 && x < (slice === 1 ? 9 : 7);
  return inBody ? (x * 31 + y * 17 + slice * 7) % 100 : -1000;
};
const data = Int16Array.from({ length: width * height * depth }, (_, i) =>
  at(i % width, Math.floor(i / width) % height, Math.floor(i / (width * height))),
);
/** Rows from the left and from the back, or from the right and from the front. */
const volumeOf = (sign: 1 | -1): Volume<Int16Array> => ({
  shape: [width, height, depth],
  spacing: [1, 1, 5],
  affine: [
    [sign, 0, 0, 0],
    [0, sign, 0, 0],
    [0, 0, 5, 0],
  ],
  data:
    sign === 1
      ? data
      : data.slice().map((_, i) => {
          const plane = width * height;
          return data[Math.floor(i / plane) * plane + (plane - 1 - (i % plane))] ?? 0;
        }),
});
const modelOf = (changes: object) => ({
  description: parseModelDescription(
    {
      ...{ version: 1, architecture: "custom", code: codeHash(text), classes: ["background", "bright"], preset: null },
      ...{ baseFeatures: 1, depth: 1, size: null, window: [0, 100], crop: "body", ...changes },
    },
    "test",
  ),
  weights: new Map(),
  code: { text, source: "test" },
});

test("a scan is the same box in training and afterwards, without the table", async () => {
  const storage = new MemoryStorage();
  await writeNifti(storage, "/a.nii", volumeOf(-1));
  await writeNifti(storage, "/l.nii", { ...volumeOf(-1), data: new Uint8Array(data.length) });
  const cases = [{ name: "a", image: "/a.nii", label: "/l.nii" }];
  const cache = await SliceCache.open(storage, cases, { directory: "/cache", classes: 2, channels: 1, workers: 0 });
  await cropToBody(cache, [false]);
  expect(cache.cases.map((each) => each.box)).toEqual([box]);
  await cache.close();
  expect(await bodyBoxOf([volumeOf(1)], [false])).toEqual(box);
  // The table is not 0 either, but air is not.
  expect(await bodyBoxOf([volumeOf(1)], [true])).toEqual({ x: 0, y: 0, width, height });
});

test("the network sees the box, stretched where it has a size", () => {
  const source = { shape: [width, height, 1], spacing: [1, 1], box } as const;
  const preprocessing = { channels: [{ window: [0, 1] }] as const, width: 14, height: 16 };
  expect(plainMapping(source, { ...preprocessing, resample: true })[0].transform).toEqual([0.5, 0, 2, 0, 0.25, 3]);
  expect(plainMapping(source, { ...preprocessing, resample: false })[0].transform).toEqual([1, 0, -2, 0, 1, -3]);
});

test.each([1, -1] as const)("labels are placed back where they were found, %d", async (sign) => {
  const storage = new MemoryStorage();
  const volume = volumeOf(sign);
  await writeNifti(storage, "/a.nii", volume);
  const predictor = new SlicePredictor(device, modelOf({}), { atOnce: 2 });
  await segmentVolume(storage, predictor, "/a.nii", "/labels.nii");
  // The table is bright too, and outside the box.
  const expected = [...volume.data].map((value, i) =>
    Number(value > 50 && Math.floor(i / width) % height !== (sign === 1 ? 1 : 7)),
  );
  expect([...(await readNifti(storage, "/labels.nii")).data]).toEqual(expected);
  if (sign === 1) expect([...(await predictVolume(predictor, [volume])).data]).toEqual(expected);
  await expect(predictor.predict([volume.data.subarray(0, width * height)], width, height)).rejects.toThrow(
    "the network sees the body alone, so its box in the scan must be given",
  );
  await predictor.close();
});
