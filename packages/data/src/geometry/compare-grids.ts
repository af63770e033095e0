import { DataError } from "../data-error.js";
import { type AxisOrder, closestOrder, reordered, reorderedGrid } from "../orientation.js";
import type { Grid, Vector3, Volume, VoxelArray } from "../volume.js";
import { column, inVoxels, positionOf } from "./affine.js";

/** What the two that are compared are called in a sentence, such as ["the image", "the label map"]. */
export type GridNames = readonly [one: string, other: string];

/** Relative difference of spacings that counts as equal: headers hold 32-bit numbers, some rounded to 3 digits. */
const spacingTolerance = 1e-3;

/**
 * Distance in mm up to which two grids count as the same: a tenth of the smallest spacing. It is above what headers
 * lose to rounding and below what would move a label to another voxel.
 */
export const gridEpsilon = (one: Grid, other: Grid): number => Math.min(...one.spacing, ...other.spacing) / 10;

/** Axes of `grid` in the order and direction in which those of `target` are stored. */
const orderOf = (grid: Grid, target: Grid): AxisOrder =>
  closestOrder((direction, stored) => inVoxels(target.affine, column(grid.affine, stored))[direction]);

/** Largest distance between an outer corner of one grid and the same corner of the other, of the same shape, mm. */
export function cornerDistance(one: Grid, other: Grid): number {
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((bits): Vector3 => {
    // The edge of a voxel is half a voxel off its center: a single slice too has a thickness that may differ.
    const end = (axis: 0 | 1 | 2): number => ((bits >> axis) & 1) * one.shape[axis] - 0.5;
    return [end(0), end(1), end(2)];
  });
  // The difference of two affine maps is affine itself, so that no voxel is further apart than a corner.
  return Math.max(
    ...corners.map((corner) => {
      const [a, b] = [positionOf(one.affine, corner), positionOf(other.affine, corner)];
      return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
    }),
  );
}

const times = (vector: Vector3): string => vector.map((value) => Number(value.toPrecision(4))).join("×");

/**
 * How two grids differ, in words, or undefined where they hold the same voxels of the patient: as many along each axis,
 * and no corner further apart than `gridEpsilon`. The order and direction in which axes are stored do not matter;
 * `onGridOf` puts one in the order of the other.
 */
export function gridDifference(one: Grid, other: Grid, [nameOfOne, nameOfOther]: GridNames): string | undefined {
  const turned = reorderedGrid(other, orderOf(other, one));
  if (one.shape.some((length, axis) => length !== turned.shape[axis]))
    return `${nameOfOne} has ${times(one.shape)} voxels, but ${nameOfOther} has ${times(other.shape)}`;
  const apart = cornerDistance(one, turned);
  if (apart <= gridEpsilon(one, other)) return undefined;
  const differs = (a: number, b: number): boolean => !(Math.abs(a - b) <= spacingTolerance * Math.max(a, b));
  if (one.spacing.some((size, axis) => differs(size, turned.spacing[axis] ?? NaN)))
    return `${nameOfOne} has a spacing of ${times(one.spacing)} mm, but ${nameOfOther} one of ${times(turned.spacing)} mm`;
  return `${nameOfOne} and ${nameOfOther} place the same voxel up to ${apart.toPrecision(3)} mm apart by their affines`;
}

/**
 * A volume on the grid of another, with its axes in the order and direction in which that one stores them; it gets
 * exactly that grid. `names` are those of the volume and of the grid.
 *
 * Throws DataError if the two grids differ.
 */
export function onGridOf<Voxels extends VoxelArray>(
  volume: Volume<Voxels>,
  { shape, spacing, affine }: Grid,
  names: GridNames,
): Volume<Voxels> {
  const grid = { shape, spacing, affine };
  const difference = gridDifference(volume, grid, names);
  if (difference !== undefined) throw new DataError(`${difference}; both must be on the same grid`);
  return { ...grid, data: reordered(volume, orderOf(volume, grid)).data };
}
