import { MemoryStorage, type Volume, writeNifti } from "@lobule/data";
import { expect, test } from "vitest";
import { disagreementOf, leftRight, mirrorDisagreement } from "./mirror-disagreement.js";

const grid = {
  shape: [3, 1, 2],
  spacing: [1, 1, 1],
  affine: [
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 1, 0],
  ],
} as const;
const labels = (...data: number[]): Volume<Uint8Array> => ({ ...grid, data: Uint8Array.from(data) });

test("labels that are the same do not disagree, nor do those of nothing", () => {
  expect(disagreementOf(labels(0, 1, 2, 0, 0, 1), labels(0, 1, 2, 0, 0, 1)).share).toBe(0);
  expect(disagreementOf(labels(0, 0, 0, 0, 0, 0), labels(0, 0, 0, 0, 0, 0)).share).toBe(0);
});

test("the share is that of voxels which are not of the same class in both; the worst slice has most of them", () => {
  // 3 and 4 voxels of foreground, 2 of the same class.
  expect(disagreementOf(labels(0, 1, 1, 0, 0, 2), labels(0, 1, 1, 0, 2, 1))).toEqual({ share: 1 - 4 / 7, slice: 1 });
});

test("a mirrored volume is mirrored back", () => {
  const volume = labels(1, 2, 3, 4, 5, 6);
  expect([...leftRight(volume).data]).toEqual([3, 2, 1, 6, 5, 4]);
  expect(leftRight(leftRight(volume))).toEqual(volume);
});

test("a model that looks at each pixel alone agrees with itself; one that goes by its place does not", async () => {
  const storage = new MemoryStorage();
  await writeNifti(storage, "/scan.nii", { ...grid, data: Int16Array.of(0, 100, 100, 0, 0, 100) });
  const predictor = (label: (value: number, at: number) => number) => ({
    atOnce: 4,
    margin: 0,
    inZScores: [false],
    crops: false,
    predict: async (slices: readonly ArrayLike<number>[]) => slices.map((slice) => Uint8Array.from(slice, label)),
  });
  const share = async (label: (value: number, at: number) => number) =>
    (await mirrorDisagreement(storage, predictor(label), "/scan.nii")).share;
  expect(await share((value) => (value > 50 ? 1 : 0))).toBe(0);
  expect(await share((_, at) => (at === 0 ? 1 : 0))).toBe(1);
});
