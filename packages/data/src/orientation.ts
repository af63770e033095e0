import type { Affine, Grid, Vector3, Volume, VoxelArray } from "./volume.js";

type Axis = 0 | 1 | 2;

/** A stored axis, and whether it grows in the direction that is wanted. */
interface AlignedAxis {
  readonly stored: Axis;
  readonly sign: 1 | -1;
}

/** Which stored axis becomes the first, second and third one, such as those along right, anterior and superior. */
export type AxisOrder = readonly [AlignedAxis, AlignedAxis, AlignedAxis];

const axes = [0, 1, 2] as const;
const permutations = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

const vector3 = (component: (axis: Axis) => number): Vector3 => [component(0), component(1), component(2)];

/** Length of a step along each voxel axis, mm. */
export const columnLengths = (affine: Affine): Vector3 =>
  vector3((axis) => Math.hypot(affine[0][axis], affine[1][axis], affine[2][axis]));

/** Direction of each voxel axis in the patient, of length 1. */
export function axisDirections(affine: Affine): readonly [x: Vector3, y: Vector3, z: Vector3] {
  const lengths = columnLengths(affine);
  const direction = (axis: Axis): Vector3 => vector3((row) => affine[row][axis] / lengths[axis]);
  return [direction(0), direction(1), direction(2)];
}

/**
 * Signed volume of the box that the directions of the voxel axes span: ±1 if they are at right angles, negative if
 * they are left-handed, 0 if they lie in a plane, NaN for an affine without three directions.
 */
export function directionVolume(affine: Affine): number {
  const [x, y, z] = axisDirections(affine);
  return x[0] * (y[1] * z[2] - y[2] * z[1]) - y[0] * (x[1] * z[2] - x[2] * z[1]) + z[0] * (x[1] * y[2] - x[2] * y[1]);
}

/** Less is the rounding of 32-bit numbers. */
const leastVolume = 1e-5;

/** Whether the affine is finite and gives every voxel its own place. */
export const isRegular = (affine: Affine): boolean =>
  affine.flat().every(Number.isFinite) && Math.abs(directionVolume(affine)) > leastVolume;

/** The order of the axes in which the sum of their components along the wanted directions is greatest. */
export function closestOrder(component: (direction: Axis, stored: Axis) => number): AxisOrder {
  const closeness = (order: readonly [Axis, Axis, Axis]): number =>
    axes.reduce((sum: number, direction) => sum + Math.abs(component(direction, order[direction])), 0);
  const best = permutations.reduce((a, b) => (closeness(b) > closeness(a) ? b : a));
  const aligned = (direction: Axis): AlignedAxis => ({
    stored: best[direction],
    sign: component(direction, best[direction]) < 0 ? -1 : 1,
  });
  return [aligned(0), aligned(1), aligned(2)];
}

/** The order that is closest to RAS+: the one with the greatest sum of cosines. */
function align(affine: Affine): AxisOrder {
  const directions = axisDirections(affine);
  return closestOrder((direction, stored) => directions[stored][direction]);
}

const letters = [
  ["R", "L"],
  ["A", "P"],
  ["S", "I"],
] as const;

/**
 * Direction of the patient in which each stored axis grows, such as "RAS" (right, anterior, superior) or "LPI"; for
 * an oblique volume the closest one.
 */
export function orientationOf(affine: Affine): string {
  const codes = ["", "", ""];
  for (const [row, { stored, sign }] of align(affine).entries()) codes[stored] = letters[row as Axis][sign < 0 ? 1 : 0];
  return codes.join("");
}

/** The same grid with its axes in another order. */
export function reorderedGrid({ shape, spacing, affine }: Grid, order: AxisOrder): Grid {
  const row = (row: Axis): Affine[0] => {
    const [x, y, z] = vector3((axis) => order[axis].sign * affine[row][order[axis].stored] + 0);
    // The first voxel of a reversed axis is the last one stored.
    const origin = order.reduce(
      (sum, { stored, sign }) => (sign < 0 ? sum + affine[row][stored] * (shape[stored] - 1) : sum),
      affine[row][3],
    );
    return [x, y, z, origin];
  };
  return {
    shape: vector3((axis) => shape[order[axis].stored]),
    spacing: vector3((axis) => spacing[order[axis].stored]),
    affine: [row(0), row(1), row(2)],
  };
}

/** The grid with its axes put in the order and direction closest to right, anterior, superior. */
export const canonicalGrid = (grid: Grid): Grid => reorderedGrid(grid, align(grid.affine));

/** Where the voxels of a reordered grid are in an array: the index of voxel (0, 0, 0) and the step along each axis. */
interface Layout {
  readonly first: number;
  readonly steps: Vector3;
}

const stridesOf = ([width, height]: Vector3): Vector3 => [1, width, width * height];

/** Layout of the reordered grid in the array as it is stored. */
function storedLayout({ shape }: Grid, order: AxisOrder): Layout {
  const strides = stridesOf(shape);
  return {
    first: order.reduce((sum, { stored, sign }) => (sign < 0 ? sum + strides[stored] * (shape[stored] - 1) : sum), 0),
    steps: vector3((axis) => order[axis].sign * strides[order[axis].stored]),
  };
}

const emptyLike = <Voxels extends VoxelArray>(data: Voxels): Voxels =>
  new (data.constructor as new (count: number) => Voxels)(data.length);

/** A copy of the voxels of a grid of that shape, from one layout to another. */
function rearranged<Voxels extends VoxelArray>(data: Voxels, shape: Vector3, from: Layout, to: Layout): Voxels {
  const result = emptyLike(data);
  const [width, height, depth] = shape;
  for (let k = 0; k < depth; k++)
    for (let j = 0; j < height; j++) {
      let source = from.first + j * from.steps[1] + k * from.steps[2];
      let target = to.first + j * to.steps[1] + k * to.steps[2];
      for (let i = 0; i < width; i++, source += from.steps[0], target += to.steps[0])
        result[target] = data[source] ?? NaN;
    }
  return result;
}

const isUnchanged = (order: AxisOrder): boolean => order.every(({ stored, sign }, axis) => stored === axis && sign > 0);

/** The volume with its axes in another order; the data are the same array if that is the stored one, else a copy. */
export function reordered<Voxels extends VoxelArray>(volume: Volume<Voxels>, order: AxisOrder): Volume<Voxels> {
  const grid = reorderedGrid(volume, order);
  if (isUnchanged(order)) return { ...grid, data: volume.data };
  const target = { first: 0, steps: stridesOf(grid.shape) };
  return { ...grid, data: rearranged(volume.data, grid.shape, storedLayout(volume, order), target) };
}

/**
 * The volume with its axes put in the order and direction closest to RAS+ (right, anterior, superior), by permutation
 * and reversal alone: no voxel changes its value or place in the patient. An oblique volume stays oblique. The data
 * are the same array if the volume is canonical already, else a copy.
 */
export const toCanonical = <Voxels extends VoxelArray>(volume: Volume<Voxels>): Volume<Voxels> =>
  reordered(volume, align(volume.affine));

/**
 * The way back from `toCanonical`: voxels on the canonical grid of `original`, such as labels found there, in the
 * order of `original`, with exactly its shape, spacing and affine.
 *
 * Throws RangeError if the volume's shape is not that of `original` made canonical.
 */
export function fromCanonical<Voxels extends VoxelArray>(volume: Volume<Voxels>, original: Grid): Volume<Voxels> {
  const { shape } = canonicalGrid(original);
  if (shape.some((length, axis) => length !== volume.shape[axis]))
    throw new RangeError(
      `a volume of ${volume.shape.join("×")} voxels is not the canonical form of ${original.shape.join("×")} voxels ` +
        `in ${orientationOf(original.affine)}, which has ${shape.join("×")}`,
    );
  const grid = { shape: original.shape, spacing: original.spacing, affine: original.affine };
  const order = align(original.affine);
  if (isUnchanged(order)) return { ...grid, data: volume.data };
  const canonical = { first: 0, steps: stridesOf(shape) };
  return { ...grid, data: rearranged(volume.data, shape, canonical, storedLayout(original, order)) };
}
