import { axisDirections } from "../orientation.js";
import type { Affine, Vector3 } from "../volume.js";

const dot = (a: Vector3, b: Vector3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

const cross = (a: Vector3, b: Vector3): Vector3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

/** The step along a voxel axis, mm. */
export const column = (affine: Affine, axis: 0 | 1 | 2): Vector3 => [affine[0][axis], affine[1][axis], affine[2][axis]];

/**
 * Size of a voxel in mm³: |det| of the affine. It is the product of the spacing only where the axes are at right
 * angles, which those of a CT with a tilted gantry are not.
 */
export const voxelVolume = (affine: Affine): number =>
  Math.abs(dot(column(affine, 0), cross(column(affine, 1), column(affine, 2))));

/**
 * Components of a vector in mm along the voxel axes, in voxels: the affine's linear part inverted, by Cramer's rule.
 * Not finite for a singular affine.
 */
export function inVoxels(affine: Affine, vector: Vector3): Vector3 {
  const [x, y, z] = [column(affine, 0), column(affine, 1), column(affine, 2)];
  const determinant = dot(x, cross(y, z));
  return [
    dot(vector, cross(y, z)) / determinant,
    dot(vector, cross(z, x)) / determinant,
    dot(vector, cross(x, y)) / determinant,
  ];
}

/** Position in mm of a place given in voxels, such as the center of voxel (i, j, k). */
export function positionOf(affine: Affine, [i, j, k]: Vector3): Vector3 {
  const along = ([a, b, c, d]: Affine[number]): number => a * i + b * j + c * k + d;
  return [along(affine[0]), along(affine[1]), along(affine[2])];
}

/** How the voxel axes are turned, in degrees. */
export interface AxisAngles {
  /** Largest angle between a voxel axis and the axis of the patient that is closest to it. */
  readonly oblique: number;
  /** Largest deviation of the angle between two voxel axes from 90°; the gantry's tilt in a CT that was not resampled. */
  readonly shear: number;
}

const degrees = (radians: number): number => (180 / Math.PI) * radians;

/** How far the axes of a volume are from those of the patient and from each other, in degrees. */
export function axisAngles(affine: Affine): AxisAngles {
  const [x, y, z] = axisDirections(affine);
  // By the sine, since the cosine of a small angle has no digits left for it.
  const sines = [x, y, z].map(([a, b, c]) => Math.min(Math.hypot(a, b), Math.hypot(b, c), Math.hypot(a, c)));
  const cosines = [dot(x, y), dot(y, z), dot(x, z)].map(Math.abs);
  const angle = (sine: number): number => degrees(Math.asin(Math.min(1, sine)));
  return { oblique: angle(Math.max(...sines)), shear: angle(Math.max(...cosines)) };
}

/** Smaller angles, in degrees, are what headers lose to rounding, or do not matter. */
const leastAngle = 0.05;

/** In words how the axes deviate from the patient's and from right angles; empty where they do not. */
export function describeAngles(affine: Affine): string {
  const { oblique, shear } = axisAngles(affine);
  const parts = [
    ...(oblique < leastAngle ? [] : [`oblique by ${oblique.toFixed(1)}°`]),
    ...(shear < leastAngle ? [] : [`sheared by ${shear.toFixed(1)}° (its axes are not at right angles)`]),
  ];
  return parts.join(", ");
}
