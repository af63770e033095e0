import type { Vector3 } from "../volume.js";
import { type Shape, tube } from "./shapes.js";

const between = (a: Vector3, b: Vector3, t: number): Vector3 => [
  a[0] + (b[0] - a[0]) * t,
  a[1] + (b[1] - a[1]) * t,
  a[2] + (b[2] - a[2]) * t,
];

const center = (points: readonly Vector3[]): Vector3 => {
  const mean = (axis: 0 | 1 | 2): number => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
  return [mean(0), mean(1), mean(2)];
};

/** Halves the points at the median of the axis along which they spread most. */
function halve(points: readonly Vector3[]): readonly [Vector3[], Vector3[]] {
  const spread = (axis: 0 | 1 | 2): number => {
    const values = points.map((point) => point[axis]);
    return Math.max(...values) - Math.min(...values);
  };
  const axis = ([0, 1, 2] as const).reduce((widest, next) => (spread(next) > spread(widest) ? next : widest));
  const sorted = [...points].sort((a, b) => a[axis] - b[axis]);
  const half = Math.ceil(sorted.length / 2);
  return [sorted.slice(0, half), sorted.slice(half)];
}

/**
 * A tree of tapering, slightly bent tubes from `root` to every target. A branch runs half of the way to the center of
 * its targets and parts in two there. Its radius is leafRadius · ∛targets, which is Murray's law: the cube of a
 * vessel's radius is the sum of its branches' cubes.
 * Source: Murray 1926, "The physiological principle of minimum work".
 */
export function vesselTree(
  root: Vector3,
  targets: readonly Vector3[],
  leafRadius: number,
  uniform: () => number,
): Shape[] {
  const radiusOf = (leaves: number): number => leafRadius * Math.cbrt(leaves);
  const bent = (start: Vector3, end: Vector3, startRadius: number, endRadius: number): Shape[] => {
    const sway = 0.16 * Math.hypot(end[0] - start[0], end[1] - start[1], end[2] - start[2]);
    const jitter = (): number => (2 * uniform() - 1) * sway;
    const [x, y, z] = between(start, end, 0.5);
    const middle: Vector3 = [x + jitter(), y + jitter(), z + jitter()];
    const radius = (startRadius + endRadius) / 2;
    return [tube(start, middle, startRadius, radius), tube(middle, end, radius, endRadius)];
  };
  const branch = (start: Vector3, startRadius: number, ends: readonly Vector3[]): Shape[] => {
    const [only] = ends;
    if (only === undefined) return [];
    if (ends.length === 1) return bent(start, only, startRadius, leafRadius * 0.7);
    const fork = between(start, center(ends), 0.5);
    const [left, right] = halve(ends);
    return [
      ...bent(start, fork, startRadius, radiusOf(ends.length)),
      ...branch(fork, radiusOf(left.length), left),
      ...branch(fork, radiusOf(right.length), right),
    ];
  };
  return branch(root, radiusOf(targets.length), targets);
}
