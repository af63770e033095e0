import { join } from "node:path";
import { nodeStorage } from "@lobule/node";
import { writeNifti } from "../../nifti/write-nifti.js";
import type { Affine, VoxelArray } from "../../volume.js";
import type { CaseFiles } from "../cache-entry.js";
import { allocateSliceBatch } from "../slice-batch.js";
import type { SliceCache } from "../slice-cache.js";

export const ras: Affine = [
  [1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 1, 0],
];

export interface Content {
  readonly shape?: readonly [number, number, number];
  readonly affine?: Affine;
  readonly values?: (index: number) => number;
  readonly labels?: (index: number) => number;
  readonly array?: new (length: number) => VoxelArray;
}

/** A small case in two files of a folder, for tests. */
export async function writeCase(where: string, name: string, content: Content = {}): Promise<CaseFiles> {
  const { shape = [3, 2, 2], affine = ras, values = (i) => i - 4, labels = (i) => i % 3, array = Int16Array } = content;
  const grid = { shape, spacing: [1, 1, 1] as const, affine };
  const files = { name, image: join(where, `${name}.nii`), label: join(where, `${name}-label.nii`) };
  const length = shape[0] * shape[1] * shape[2];
  const filled = <Voxels extends VoxelArray>(out: Voxels, value: (index: number) => number): Voxels => {
    for (let i = 0; i < length; i++) out[i] = value(i);
    return out;
  };
  await writeNifti(nodeStorage, files.image, { ...grid, data: filled(new array(length), values) });
  await writeNifti(nodeStorage, files.label, { ...grid, data: filled(new Uint8Array(length), labels) });
  return files;
}

export const window = [-160, 240] as const;

/** HU, as they are stored for the window, and labels of one slice. */
export async function sliceOf(cache: SliceCache, number: number, slice: number) {
  const batch = allocateSliceBatch(cache, 2);
  const first = { case: number, slice: 0 };
  await cache.read([first, { case: number, slice }], batch, [{ window }]);
  const found = cache.cases[number];
  if (found === undefined) throw new RangeError("no such case");
  const size = found.shape[0] * found.shape[1];
  const at = cache.slotPixels;
  const pixels = new Int16Array(batch.pixels.buffer).slice(at, at + size);
  const { scale, offset } = batch.quantizations[1] ?? { scale: 0, offset: 0 };
  return {
    values: Array.from(pixels, (stored) => stored * scale + offset),
    labels: [...new Uint8Array(batch.labels.buffer).slice(at, at + size)],
  };
}
