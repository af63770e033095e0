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

/** The voxels of a straight line, the first left out: where the pointer went between two of its events. */
export function lineBetween(from: Voxel, to: Voxel): Voxel[] {
  const steps = Math.max(...axes.map((axis) => Math.abs(to[axis] - from[axis])));
  const at = (axis: Axis, share: number): number => Math.round(from[axis] + share * (to[axis] - from[axis]));
  return Array.from({ length: steps }, (_, i) => {
    const share = (i + 1) / steps;
    return [at(0, share), at(1, share), at(2, share)] as const;
  });
}

/** Indices of the voxels of a plane that are joined with one, edge to edge, by voxels of its label. */
export function regionAt(seed: Voxel, plane: PlaneName, labels: Uint8Array, shape: Vector3): number[] {
  const { across, down } = axesOf[plane];
  const label = labels[indexOf(seed, shape)];
  const seen = new Set<number>([indexOf(seed, shape)]);
  const queue: Voxel[] = [seed];
  for (let voxel = queue.pop(); voxel !== undefined; voxel = queue.pop()) {
    for (const [axis, step] of [
      [across, 1],
      [across, -1],
      [down, 1],
      [down, -1],
    ] as const) {
      const next: [number, number, number] = [...voxel];
      next[axis] += step;
      if (next[axis] < 0 || next[axis] >= shape[axis]) continue;
      const index = indexOf(next, shape);
      if (labels[index] !== label || seen.has(index)) continue;
      seen.add(index);
      queue.push(next);
    }
  }
  return [...seen];
}
