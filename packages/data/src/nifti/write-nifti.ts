import type { Storage } from "../storage/storage.js";
import type { Volume } from "../volume.js";
import { datatypeOfArray } from "./datatypes.js";
import type { NiftiSource } from "./encode-header.js";
import { createNiftiSliceWriter } from "./nifti-slice-writer.js";

/** What a NIfTI file takes over from another one. */
export interface WriteNiftiOptions {
  /**
   * Of another file, such as the scan that labels were found in: its version, units and description are kept, and both
   * its transforms, to the last bit, if the volume is on its grid.
   */
  readonly header?: NiftiSource;
}

/**
 * Writes a volume as .nii or .nii.gz, by the name's end, in the datatype of its array; reading it gives the same
 * values, and the same affine to 32-bit precision (64-bit in NIfTI-2). The transform codes are "scanner" and the
 * units mm if no header is given.
 *
 * The file is complete or not there: it gets its name when everything is on disk. Throws DataError if it cannot be
 * written, if the name ends otherwise, if the grid is unsound, or if a voxel is NaN or infinite; RangeError if the
 * data do not fit the shape.
 */
export async function writeNifti(
  storage: Storage,
  path: string,
  volume: Volume,
  options: WriteNiftiOptions = {},
): Promise<void> {
  const { shape, data } = volume;
  const [width, height, depth] = shape;
  const writer = createNiftiSliceWriter(storage, path, {
    grid: volume,
    datatype: datatypeOfArray(data),
    header: options.header,
  });
  if (data.length !== width * height * depth)
    throw new RangeError(`a volume of ${shape.join("×")} voxels cannot have ${data.length} values (${path})`);
  try {
    for (let slice = 0; slice < depth; slice++)
      await writer.write(data.subarray(slice * width * height, (slice + 1) * width * height));
  } catch (error) {
    await writer.abort();
    throw error;
  }
  await writer.finish();
}
