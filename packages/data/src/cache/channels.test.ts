import { describe, expect, test } from "vitest";
import { readDecathlon } from "../decathlon/read-decathlon.js";
import { verifyDecathlon } from "../decathlon/verify-decathlon.js";
import { writeFileAtomically } from "../files/atomic-file.js";
import { encodeHeader } from "../nifti/encode-header.js";
import { writeNifti } from "../nifti/write-nifti.js";
import { MemoryStorage } from "../storage/memory-storage.js";
import type { Affine, Grid } from "../volume.js";
import { readChannels } from "./read-channels.js";
import { allocateSliceBatch } from "./slice-batch.js";
import { SliceCache } from "./slice-cache.js";

const affine: Affine = [
  [1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 3, 0],
];
const grid: Grid = { shape: [3, 2, 2], spacing: [1, 1, 3], affine };
/** The same voxels, stored from right to left. */
const turned: Grid = {
  ...grid,
  affine: [
    [-1, 0, 0, 2],
    [0, 1, 0, 0],
    [0, 0, 3, 0],
  ],
};
const counted = (from: number) => Float32Array.from({ length: 12 }, (_, i) => from + i);
const files = { name: "a", image: "/a_0000.nii", otherChannels: ["/a_0001.nii"], label: "/a.nii" };

/** A case whose first channel counts from 1 and whose second, stored the other way around, from 100.5. */
async function twoFiles(second: Grid = turned): Promise<MemoryStorage> {
  const storage = new MemoryStorage();
  await writeNifti(storage, files.image, { ...grid, data: counted(1) });
  await writeNifti(storage, "/a_0001.nii", { ...second, data: counted(100.5).slice(0, second.shape[2] * 6) });
  await writeNifti(storage, files.label, { ...grid, data: new Uint8Array(12).map((_, i) => i % 2) });
  return storage;
}

/** One file of four axes, in which the channels follow each other. */
async function oneFile(channels: number): Promise<MemoryStorage> {
  const storage = await twoFiles();
  const header = encodeHeader(grid, "float32", undefined);
  const view = new DataView(header.buffer);
  for (const [i, length] of [4, 3, 2, 2, channels].entries()) view.setInt16(40 + 2 * i, length, true);
  const voxels = Array.from({ length: channels }, (_, c) => [...counted(1 + 99.5 * c)]).flat();
  const bytes = new Uint8Array(header.length + 4 * voxels.length);
  bytes.set(header);
  bytes.set(new Uint8Array(Float32Array.from(voxels).buffer), header.length);
  await writeFileAtomically(storage, "/a4.nii", bytes);
  return storage;
}

const open = (storage: MemoryStorage, cases: Parameters<typeof SliceCache.open>[1] = [files]) =>
  SliceCache.open(storage, cases, { directory: "/cache", classes: 2, channels: 2, workers: 0 });

describe("a case of two channels in the slice cache", () => {
  test("has both in one order of axes, each stored for its own window or z-scores", async () => {
    const cache = await open(await twoFiles());
    expect([...(await cache.values({ case: 0, slice: 1 }))]).toEqual([7, 8, 9, 10, 11, 12]);
    expect([...(await cache.values({ case: 0, slice: 1 }, 1))]).toEqual([108.5, 107.5, 106.5, 111.5, 110.5, 109.5]);
    const batch = allocateSliceBatch(cache, 1);
    const key = { case: 0, slice: 0 };
    await cache.read([key], batch, [{ window: [0, 20] }, { window: [-5, 5], inZScores: true }]);
    const stored = new Int16Array(batch.pixels.buffer);
    const values = [0, 1].map((channel) => {
      const { scale, offset } = batch.quantizations[channel] ?? { scale: 0, offset: 0 };
      const from = channel * cache.slotPixels;
      return Array.from(stored.slice(from, from + 6), (value) => value * scale + offset);
    });
    const { mean, deviation } = await cache.zScores(0, 1);
    expect(mean).toBeCloseTo(106, 5);
    expect(values[0]).toEqual([1, 2, 3, 4, 5, 6]);
    for (const [i, value] of [102.5, 101.5, 100.5, 105.5, 104.5, 103.5].entries())
      expect(values[1]?.[i]).toBeCloseTo((value - mean) / deviation, 3);
    expect([...new Uint8Array(batch.labels.buffer).slice(0, 6)]).toEqual([0, 1, 0, 1, 0, 1]);
  });

  test("is read from one file of four axes too, and decoded anew for another number of channels", async () => {
    const storage = await oneFile(2);
    const { name, label } = files;
    const four = [{ name, image: "/a4.nii", label }];
    const cache = await open(storage, four);
    expect([...(await cache.values({ case: 0, slice: 1 }, 1))]).toEqual([106.5, 107.5, 108.5, 109.5, 110.5, 111.5]);
    expect((await open(storage, four)).reused).toBe(1);
    await expect(
      SliceCache.open(storage, four, { directory: "/cache", classes: 2, channels: 3, workers: 0 }),
    ).rejects.toThrow(
      "/a4.nii holds 2 channels (3×2×2×2 voxels), where 3 are expected; give one file with all of them or a file for each, or name in the dataset.json of a data set only the channels that there are",
    );
    await expect(
      SliceCache.open(storage, four, { directory: "/cache", classes: 2, channels: 1, workers: 0 }),
    ).rejects.toThrow(
      "/a4.nii is a 4D image of 3×2×2×2 voxels, not one volume; take one volume out of it (such as one time point) or, where they are the channels of a data set, name them in its dataset.json",
    );
  });

  test.each([
    [
      "another size",
      { ...grid, shape: [3, 2, 1] as const },
      "/a_0001.nii has 3×2×1 voxels, but the first channel /a_0000.nii has 3×2×2",
    ],
    [
      "another place",
      { ...grid, affine: [[1, 0, 0, 9], affine[1], affine[2]] as const },
      "/a_0001.nii and the first channel /a_0000.nii place the same voxel up to 9.00 mm apart",
    ],
  ])("of %s is refused, naming both files", async (_, other, message) => {
    await expect(open(await twoFiles(other))).rejects.toThrow(message);
  });

  test("of which a file is missing, or is one of too few, is refused by name", async () => {
    const storage = await twoFiles();
    await storage.remove("/a_0001.nii");
    await expect(open(storage)).rejects.toThrow("/a_0001.nii is missing or cannot be read");
    await expect(readChannels(await twoFiles(), files, 3)).rejects.toThrow("are 2, where 3 channels are expected");
  });
});

test("a data set with channels that do not fit is found by its verification", async () => {
  const storage = await twoFiles({ ...grid, shape: [3, 2, 1] });
  for (const folder of ["/d/imagesTr", "/d/labelsTr"]) await storage.makeFolder(folder);
  for (const [from, to] of [
    ["/a_0000.nii", "/d/imagesTr/a_0000.nii"],
    ["/a_0001.nii", "/d/imagesTr/a_0001.nii"],
    ["/a.nii", "/d/labelsTr/a.nii"],
  ] as const) {
    const file = await storage.open(from);
    const bytes = new Uint8Array(file.size);
    await file.read(bytes, 0);
    await file.close();
    await writeFileAtomically(storage, to, bytes);
  }
  const document = { channel_names: { 0: "T1", 1: "T2" }, labels: { background: 0, a: 1 }, file_ending: ".nii" };
  await writeFileAtomically(storage, "/d/dataset.json", JSON.stringify(document));
  const [found] = await verifyDecathlon(storage, await readDecathlon(storage, "/d"));
  expect(found?.problems).toEqual([
    "imagesTr/a_0001.nii has 3×2×1 voxels, but the first channel imagesTr/a_0000.nii has 3×2×2",
  ]);
});
