import { DataError } from "../data-error.js";
import type { Storage } from "../storage/storage.js";
import type { Channels, Volume, VoxelArray } from "../volume.js";
import type { NiftiHeader } from "./header.js";
import { openNifti } from "./open-nifti.js";
import { valueArrayOf } from "./voxel-reader.js";

export { readNiftiHeader } from "./open-nifti.js";

/** A volume as its file stores it: axes in the file's order and direction. */
export interface NiftiVolume extends Volume {
  readonly header: NiftiHeader;
  /** What is odd in the file and does no harm, a sentence each: the header's, and what is behind the voxels. */
  readonly notes: readonly string[];
}

/** How a NIfTI file is read. */
export interface ReadNiftiOptions {
  /** Most bytes that the voxels (and what stands before them) may take in memory; 4 GiB, or the machine's, if not given. */
  readonly maxBytes?: number;
}

const defaultMaxBytes = 2 ** 32;

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toPrecision(3)} GiB`;

/**
 * Throws DataError if `voxels` values of the file, or what stands before them, take more than `maxBytes`, or than this
 * machine has.
 */
export function checkSize(
  { memory = Number.POSITIVE_INFINITY }: Pick<Storage, "memory">,
  path: string,
  header: NiftiHeader,
  voxels: number,
  maxBytes = defaultMaxBytes,
): void {
  const bytes = header.voxelOffset + voxels * valueArrayOf(header).BYTES_PER_ELEMENT;
  if (bytes > memory)
    throw new DataError(
      `${path} takes ${gibibytes(bytes)} of memory (${header.dimensions.join("×")} voxels of ${header.datatype}), and this ` +
        `machine has ${gibibytes(memory)}; crop it, or use a machine with more memory`,
    );
  if (bytes > maxBytes)
    throw new DataError(
      `${path} takes ${gibibytes(bytes)} of memory (${header.dimensions.join("×")} voxels of ${header.datatype}), more ` +
        `than the limit of ${gibibytes(maxBytes)}; raise the limit (maxBytes) if the file is sound`,
    );
}

/** An array for the values, or the error that says why there is none. */
export function allocateValues(path: string, header: NiftiHeader, voxels: number): VoxelArray {
  try {
    return new (valueArrayOf(header))(voxels);
  } catch {
    const bytes = voxels * valueArrayOf(header).BYTES_PER_ELEMENT;
    throw new DataError(`${path} needs ${gibibytes(bytes)} of memory for its voxels, which cannot be had; crop it`);
  }
}

/**
 * Reads a volume: .nii, .nii.gz, or either half of a pair .hdr and .img (each may be .gz), NIfTI-1 or NIfTI-2, either
 * byte order, integers of 8 to 64 bits, float32 or float64. A gzip file is unpacked as it is read, never more than
 * the header promises. Extensions and bytes behind the voxels are passed over.
 *
 * Values are after slope and intercept, in the stored type if those change nothing (64-bit integers in float64), else
 * in float32, or float64 for types of 32 bits and more. Lengths are in mm. The affine is the sform if it has a code and
 * is sound, else the qform if it has and is, else, where neither has a code, diag(spacing). The spacing is the file's
 * pixdim, or the lengths of the affine's columns where both differ by more than 0.1 %. What is odd in a file that can be
 * read is said in `notes`.
 *
 * Throws DataError that names the file if it is missing, unreadable, no NIfTI file, cut off or damaged; if it is no
 * single 3D volume of real numbers (1D, 2D, 4D and more, complex, RGB); if neither of its transforms can be used; if a voxel is NaN, infinite or an integer beyond 2^53; or if it takes more than `maxBytes`.
 */
export async function readNifti(storage: Storage, path: string, options: ReadNiftiOptions = {}): Promise<NiftiVolume> {
  const [volume] = await readNiftiVolumes(storage, path, 1, options);
  return volume;
}

/**
 * Reads the volumes of a file whose fourth axis is that of channels.
 * @param channels how many there must be; undefined where as many are read as there are.
 * @throws DataError as {@link readNifti}; when there are more or fewer.
 */
export async function readNiftiVolumes(
  storage: Storage,
  path: string,
  channels: number | undefined,
  options: ReadNiftiOptions = {},
): Promise<Channels<NiftiVolume>> {
  const voxelsOf = ({ shape: [x, y, z] }: NiftiHeader): number => x * y * z;
  const check = (header: NiftiHeader): void =>
    checkSize(storage, path, header, header.channels * voxelsOf(header), options.maxBytes);
  const { header, voxels, close } = await openNifti(storage, path, check, channels);
  const { shape, spacing, affine } = header;
  const next = async (): Promise<NiftiVolume> => {
    const data = allocateValues(path, header, voxelsOf(header));
    await voxels.read(data);
    return { shape, spacing, affine, data, header, notes: [] };
  };
  try {
    const first = await next();
    const others: NiftiVolume[] = [];
    for (let channel = 1; channel < header.channels; channel++) others.push(await next());
    const behind = await voxels.checkEnd();
    voxels.checkFinite();
    return [{ ...first, notes: [...header.notes, ...behind] }, ...others];
  } finally {
    await close();
  }
}
