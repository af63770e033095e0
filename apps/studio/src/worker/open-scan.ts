import {
  DataError,
  type NiftiHeader,
  openNiftiSlices,
  readNifti,
  readNiftiHeader,
  type Storage,
  toCanonical,
  type Vector3,
  voxelVolume,
} from "@lobule/data";
import { bytesText } from "../parts/quantities.js";

/** A scan as the viewer shows it: axes to the right, to the front and up. */
export interface OpenedScan {
  readonly path: string;
  /** Voxels along each axis, x to the right, y to the front, z up. */
  readonly shape: Vector3;
  /** mm. */
  readonly spacing: Vector3;
  readonly millilitersPerVoxel: number;
  /** HU, rounded to whole numbers for the screen alone; x fastest. */
  readonly data: Int16Array<ArrayBuffer>;
  /** How the file stores it. */
  readonly stored: Pick<NiftiHeader, "shape" | "spacing" | "orientation" | "datatype">;
  /** What is odd in the file and does no harm, a sentence each. */
  readonly notes: readonly string[];
}

/** Bytes of a voxel that viewing and labeling take: the scan and its labels, each in two orders for a moment. */
const bytesPerVoxel = 6;
/** As a whole in the file's type, twice, where its slices are not axial. */
const bytesPerWholeVoxel = 16;
/** Bytes of a voxel that ranking takes: a scan in the type of its file, turned and mirrored, 8 each, and three label maps. */
export const bytesToRank = 27;
const usualBudget = 2e9;

/** Bytes that a scan may take: half of the memory that the browser tells of, where it does. */
export const scanBudget = (): number =>
  "deviceMemory" in navigator && typeof navigator.deviceMemory === "number"
    ? Math.min(navigator.deviceMemory * 2 ** 29, 4e9)
    : usualBudget;

/** Bytes of a voxel that viewing and labeling a scan takes. */
const bytesToLabel = (orientation: string): number =>
  /[SI]$/.test(orientation) ? bytesPerVoxel : bytesPerVoxel + bytesPerWholeVoxel;

/**
 * @param bytesOfVoxel that are taken of memory; those of viewing and labeling by default.
 * @throws DataError when what the header promises takes more memory than the page has for a scan.
 */
export function requireFit(
  path: string,
  { shape, orientation }: Pick<NiftiHeader, "shape" | "orientation">,
  most: number,
  bytesOfVoxel = bytesToLabel(orientation),
) {
  const bytes = shape[0] * shape[1] * shape[2] * bytesOfVoxel;
  if (bytes > most)
    throw new DataError(
      `${path} promises ${shape.join("×")} voxels, which take ${bytesText(bytes)} of memory here, and this page has ${bytesText(most)} for a scan; crop it, or segment it by the command`,
    );
}

/**
 * Reads a scan for the viewer, slice by slice, after its header has been checked against the memory.
 * @param most bytes that it may take.
 * @throws DataError as readNifti, and when it is too large.
 */
export async function openScan(storage: Storage, path: string, most: number): Promise<OpenedScan> {
  const header = await readNiftiHeader(storage, path);
  requireFit(path, header, most);
  const { slices, notes } = await openNiftiSlices(storage, path);
  const [width, height, depth] = header.shape;
  const data = new Int16Array(width * height * depth);
  let at = 0;
  for await (const slice of slices(1)) {
    for (const value of slice) data[at++] = Math.max(-32768, Math.min(32767, Math.round(value)));
  }
  const { shape, spacing, affine } = header;
  const canonical = toCanonical({ shape, spacing, affine, data });
  return {
    path,
    shape: canonical.shape,
    spacing: canonical.spacing,
    millilitersPerVoxel: voxelVolume(affine) / 1000,
    data: canonical.data,
    stored: { shape, spacing, orientation: header.orientation, datatype: header.datatype },
    notes: notes(),
  };
}

/** Labels of a file, in the viewer's order. */
export async function openLabels(storage: Storage, path: string): Promise<Uint8Array<ArrayBuffer>> {
  const { data } = toCanonical(await readNifti(storage, path));
  return Uint8Array.from(data);
}
