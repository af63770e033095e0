import type { Vector3 } from "@lobule/data";
import { axesOf, indexOf, type PlaneName, type Voxel } from "../viewer/plane.js";

type Axis = 0 | 1 | 2;
const axes = [0, 1, 2] as const;

/** The voxels around one, no further than `radius` along each of the axes, and inside the volume. */
function* around(center: Voxel, radius: number, along: readonly Axis[], shape: Vector3, spacing: Vector3) {
  const range = (axis: Axis): [number, number] => {
    const reach = along.includes(axis) ? Math.floor(radius / spacing[axis]) : 0;
    return [Math.max(0, center[axis] - reach), Math.min(shape[axis] - 1, center[axis] + reach)];
  };
  const [[left, right], [back, front], [bottom, top]] = [range(0), range(1), range(2)];
  for (let z = bottom; z <= top; z++)
    for (let y = back; y <= front; y++) for (let x = left; x <= right; x++) yield [x, y, z] as const;
}

/** Where a brush paints. */
export interface Brush {
  readonly plane: PlaneName;
  /** mm. */
  readonly radius: number;
  /** A ball; else a disk in the plane. */
  readonly solid: boolean;
}

/** Indices of what a brush paints. The voxel in its middle always counts. */
export function* brushAt(
  center: Voxel,
  { plane, radius, solid }: Brush,
  shape: Vector3,
  spacing: Vector3,
): Generator<number, void> {
  const { across, down } = axesOf[plane];
  for (const voxel of around(center, radius, solid ? axes : [across, down], shape, spacing)) {
    const away = Math.hypot(...axes.map((axis) => (voxel[axis] - center[axis]) * spacing[axis]));
    if (away <= radius) yield indexOf(voxel, shape);
  }
}

/**
 * Voxels of a straight line, the first left out: where the pointer went between two of its events.
 * @param apart voxels from one to the next along the longest axis, at most.
 */
export function lineBetween(from: Voxel, to: Voxel, apart = 1): Voxel[] {
  const steps = Math.ceil(Math.max(...axes.map((axis) => Math.abs(to[axis] - from[axis]))) / apart);
  const at = (axis: Axis, share: number): number => Math.round(from[axis] + share * (to[axis] - from[axis]));
  return Array.from({ length: steps }, (_, i) => {
    const share = (i + 1) / steps;
    return [at(0, share), at(1, share), at(2, share)] as const;
  });
}

/** Indices of the voxels of a plane that are joined with one, edge to edge, by voxels of its label. */
export function regionAt(seed: Voxel, plane: PlaneName, labels: Uint8Array, shape: Vector3): number[] {
  const { across, down } = axesOf[plane];
  const [columns, rows] = [shape[across], shape[down]];
  const strides = [1, shape[0], shape[0] * shape[1]] as const;
  const corner = indexOf(seed, shape) - seed[across] * strides[across] - seed[down] * strides[down];
  const indexAt = (pixel: number): number =>
    corner + (pixel % columns) * strides[across] + Math.floor(pixel / columns) * strides[down];
  const label = labels[indexOf(seed, shape)];
  const seen = new Uint8Array(columns * rows);
  const region: number[] = [];
  const queue: number[] = [];
  const visit = (pixel: number): void => {
    const index = indexAt(pixel);
    if (seen[pixel] === 1 || labels[index] !== label) return;
    seen[pixel] = 1;
    region.push(index);
    queue.push(pixel);
  };
  visit(seed[across] + columns * seed[down]);
  for (let pixel = queue.pop(); pixel !== undefined; pixel = queue.pop()) {
    const column = pixel % columns;
    if (column > 0) visit(pixel - 1);
    if (column < columns - 1) visit(pixel + 1);
    if (pixel >= columns) visit(pixel - columns);
    if (pixel < columns * (rows - 1)) visit(pixel + columns);
  }
  return region;
}
