import type { Storage } from "../storage/storage.js";
import type { VoxelArray } from "../volume.js";
import type { NiftiHeader } from "./header.js";
import { openNifti } from "./open-nifti.js";
import { allocateValues, checkSize, type ReadNiftiOptions } from "./read-nifti.js";

/** An open file that gives its slices one after another. */
export interface NiftiSlices {
  readonly header: NiftiHeader;
  /**
   * Slices along the last axis from first to last, each a new array of shape[0] · shape[1] values, as in `readNifti`.
   * They can be gone through once; the file is closed at the end, after an error, and when the loop is left.
   * Throws DataError as `readNifti`; NaN and infinite voxels are found in the slice they are in.
   * @param held how many slices the caller looks at at a time: the array of one is used again so many slices later.
   * Where it is not given no array is used again.
   */
  slices(held?: number): AsyncIterable<VoxelArray>;
  /** As those of `readNifti`; what is behind the voxels is known when the last slice has been given. */
  notes(): readonly string[];
  /** Stops reading. May be called twice. */
  close(): Promise<void>;
}

/**
 * Opens a volume to read it slice by slice along its last stored axis. Memory for one slice is all that is needed,
 * whatever the number of slices; `maxBytes` is the limit of one. Throws DataError as `readNifti`.
 */
export async function openNiftiSlices(
  storage: Storage,
  path: string,
  options: ReadNiftiOptions = {},
): Promise<NiftiSlices> {
  const voxelsOf = ({ shape: [x, y] }: NiftiHeader): number => x * y;
  const check = (header: NiftiHeader): void => checkSize(storage, path, header, voxelsOf(header), options.maxBytes);
  const { header, voxels, close } = await openNifti(storage, path, check, 1);
  let used = false;
  let behind: readonly string[] = [];
  async function* slices(held?: number): AsyncGenerator<VoxelArray, void> {
    if (used) throw new RangeError(`the slices of ${path} can be gone through once; open the file again`);
    used = true;
    const arrays: VoxelArray[] = [];
    try {
      for (let slice = 0; slice < header.shape[2]; slice++) {
        const values = arrays[slice % (held ?? 1)] ?? allocateValues(path, header, voxelsOf(header));
        // Every new array brings the garbage collector nearer, and that takes longer than reading.
        if (held !== undefined) arrays[slice % held] = values;
        await voxels.read(values);
        if (slice === header.shape[2] - 1) behind = await voxels.checkEnd();
        voxels.checkFinite();
        yield values;
      }
    } finally {
      await close();
    }
  }
  return { header, slices, notes: () => [...header.notes, ...behind], close };
}
