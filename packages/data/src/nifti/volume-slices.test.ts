import { expect, test } from "vitest";
import { MemoryStorage } from "../storage/memory-storage.js";
import type { Affine } from "../volume.js";
import { openNiftiSlices } from "./nifti-slices.js";
import { volumeSlices } from "./volume-slices.js";
import { writeNifti } from "./write-nifti.js";

/** Sagittal slices, with numbers that float32 does not hold. */
const affine: Affine = [
  [0, 0, 3, 100.1],
  [-0.7, 0, 0, 80.2],
  [0, -0.7, 0, 12.3],
];

test.each([Uint8Array, Int16Array, Float32Array])("gives what the NIfTI file of a %o gives", async (Values) => {
  const data = new Values(24).map((_, i) => i);
  const volume = { shape: [4, 3, 2], spacing: [0.7, 0.7, 3], affine, data } as const;
  const storage = new MemoryStorage();
  await writeNifti(storage, "scan.nii", volume);
  const [found, expected] = [volumeSlices(volume), await openNiftiSlices(storage, "scan.nii")];
  expect(found.header).toEqual(expected.header);
  const slices = [];
  for await (const slice of found.slices()) slices.push(slice);
  const stored = [];
  for await (const slice of expected.slices()) stored.push(slice);
  expect(slices).toEqual(stored);
  // Whoever gets a slice may change it.
  slices[0]?.fill(9);
  expect(data[0]).toBe(0);
});
