import { DataError } from "../data-error.js";
import type { NiftiDatatype } from "../nifti/datatypes.js";
import { columnLengths, isRegular } from "../orientation.js";
import type { Affine, Grid, Vector3 } from "../volume.js";

/** How the voxels of a file with a header in text are stored. */
export interface ImageHeader extends Grid {
  readonly datatype: NiftiDatatype;
  readonly littleEndian: boolean;
  readonly packing: "none" | "gzip" | "zlib";
  /** Where they begin in the file that holds them. */
  readonly voxelOffset: number;
  /** The file that holds them, beside the header, where it is another one. */
  readonly dataFile: string | undefined;
}

/** Signs that turn a space of LPS, RAS or LAS to RAS. */
export type SpaceSigns = Vector3;

/**
 * The grid of steps along the voxel axes and the place of the first voxel, mm, in a space with such signs.
 * @throws DataError when there are no three axes with voxels, or the steps do not span a volume.
 */
export function gridOfSteps(
  path: string,
  shape: readonly number[],
  steps: readonly (readonly number[])[],
  origin: readonly number[],
  signs: SpaceSigns,
): Grid {
  const [x = 0, y = 0, z = 0] = shape;
  if (shape.length !== 3 || !shape.every((extent) => Number.isSafeInteger(extent) && extent > 0)) {
    throw new DataError(`${path} is an image of ${shape.join("×")} voxels, where one volume of three axes is expected`);
  }
  const row = (axis: 0 | 1 | 2): Affine[0] => {
    const [a = NaN, b = NaN, c = NaN] = steps.map((step) => signs[axis] * (step[axis] ?? NaN) + 0);
    return [a, b, c, signs[axis] * (origin[axis] ?? NaN) + 0];
  };
  const affine: Affine = [row(0), row(1), row(2)];
  if (!isRegular(affine)) {
    throw new DataError(
      `${path} says no place for each of its voxels: its directions, spacing or origin are missing or damaged`,
    );
  }
  return { shape: [x, y, z], spacing: columnLengths(affine), affine };
}

/** The numbers of a list such as "1 0 0" or "(1,0,0)". */
export const numbersOf = (text: string): number[] => text.match(/[-+.\deE]+|nan|inf/gi)?.map(Number) ?? [];

/** A header that cannot be used. */
export const badHeader = (path: string, problem: string): DataError => new DataError(`${path}: ${problem}`);
