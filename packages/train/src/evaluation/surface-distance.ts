import type { Vector3, Volume } from "@lobule/data";
import { squaredDistances } from "./distance-transform.js";
import { quantile } from "./quantile.js";

/** Distances in mm from each boundary voxel of one region to the nearest boundary voxel of the other, rising. */
export interface SurfaceDistances {
  /** One for each boundary voxel of the truth; Infinity where the prediction is empty. */
  readonly fromTruth: Float64Array;
  /** One for each boundary voxel of the prediction; Infinity where the truth is empty. */
  readonly fromPrediction: Float64Array;
}

/** Part of a volume: voxels `from` ≤ (x, y, z) < `to`. */
export interface Box {
  readonly from: Vector3;
  readonly to: Vector3;
}

/**
 * The smallest box around each label of several label maps of the same shape; null for a label that is in none.
 * Labels from 1 to classes − 1 are looked for; the result's index is the label.
 */
export function boxesOfLabels(volumes: readonly Volume[], classes: number): readonly (Box | null)[] {
  const from = Array.from({ length: classes }, () => [Infinity, Infinity, Infinity] as [number, number, number]);
  const to = Array.from({ length: classes }, () => [0, 0, 0] as [number, number, number]);
  for (const { data, shape } of volumes) {
    const [nx, ny, nz] = shape;
    let i = 0;
    for (let z = 0; z < nz; z++)
      for (let y = 0; y < ny; y++)
        for (let x = 0; x < nx; x++) {
          const label = data[i++] as number;
          if (label === 0) continue;
          const [low, high] = [from[label], to[label]];
          if (low === undefined || high === undefined) continue;
          if (x < low[0]) low[0] = x;
          if (y < low[1]) low[1] = y;
          if (z < low[2]) low[2] = z;
          if (x >= high[0]) high[0] = x + 1;
          if (y >= high[1]) high[1] = y + 1;
          if (z >= high[2]) high[2] = z + 1;
        }
  }
  return from.map((low, label) => (low[0] === Infinity ? null : { from: low, to: to[label] ?? [0, 0, 0] }));
}

/**
 * Distances between the surfaces of a label in two maps of the same grid.
 *
 * The surface of a region is its boundary voxels: those with at least one of their six neighbours outside the region,
 * where everything beyond the edge of the volume is outside. Distances are between voxel centres, by an exact distance
 * transform of the `box`, which must hold every voxel of the label in both maps; null if there is none.
 *
 * Source: the boundary of MONAI's get_mask_edges, the region without its erosion by the 6-neighbourhood.
 */
export function surfaceDistances(truth: Volume, prediction: Volume, label: number, box: Box | null): SurfaceDistances {
  if (box === null) return { fromTruth: new Float64Array(), fromPrediction: new Float64Array() };
  const shape: Vector3 = [box.to[0] - box.from[0], box.to[1] - box.from[1], box.to[2] - box.from[2]];
  const ofTruth = boundary(truth, label, box);
  const ofPrediction = boundary(prediction, label, box);
  return {
    fromTruth: distancesAt(ofTruth, squaredDistances(ofPrediction, shape, truth.spacing)),
    fromPrediction: distancesAt(ofPrediction, squaredDistances(ofTruth, shape, truth.spacing)),
  };
}

/** 1 for the boundary voxels of a label, 0 for the others, in a box. */
function boundary({ data, shape }: Volume, label: number, { from, to }: Box): Uint8Array {
  const [nx, ny, nz] = shape;
  const marked = new Uint8Array((to[0] - from[0]) * (to[1] - from[1]) * (to[2] - from[2]));
  let at = 0;
  for (let z = from[2]; z < to[2]; z++)
    for (let y = from[1]; y < to[1]; y++) {
      const edge = z === 0 || z === nz - 1 || y === 0 || y === ny - 1;
      for (let x = from[0], i = x + nx * (y + ny * z); x < to[0]; x++, i++, at++) {
        if (data[i] !== label) continue;
        const inside =
          !edge &&
          x > 0 &&
          x < nx - 1 &&
          data[i - 1] === label &&
          data[i + 1] === label &&
          data[i - nx] === label &&
          data[i + nx] === label &&
          data[i - nx * ny] === label &&
          data[i + nx * ny] === label;
        if (!inside) marked[at] = 1;
      }
    }
  return marked;
}

function distancesAt(places: Uint8Array, squared: Float32Array): Float64Array {
  let count = 0;
  for (const marked of places) count += marked;
  const distances = new Float64Array(count);
  let next = 0;
  for (let i = 0; i < places.length; i++) if (places[i] !== 0) distances[next++] = Math.sqrt(squared[i] as number);
  return distances.sort();
}

/**
 * 95 % Hausdorff distance, mm: the larger of the 95th percentiles of the distances from truth to prediction and from
 * prediction to truth. Null where either is empty.
 *
 * Source: MONAI's compute_hausdorff_distance with percentile 95; the definition of Huttenlocher et al. 1993, ranked.
 */
export function hausdorff95({ fromTruth, fromPrediction }: SurfaceDistances): number | null {
  if (fromTruth.length === 0 || fromPrediction.length === 0) return null;
  return Math.max(quantile(fromTruth, 0.95), quantile(fromPrediction, 0.95));
}

/**
 * Normalised surface distance: the share of all boundary voxels, of truth and prediction together, that lie within
 * `tolerance` mm of the other's boundary. 0 where only one of them has the label, null where neither has.
 *
 * Every boundary voxel has the same weight, as in MONAI's compute_surface_dice; the measure of Nikolov et al. 2018
 * ("Deep learning to achieve clinically applicable segmentation of head and neck anatomy") weighs them by surface area.
 */
export function normalisedSurfaceDistance(
  { fromTruth, fromPrediction }: SurfaceDistances,
  tolerance: number,
): number | null {
  const boundaryVoxels = fromTruth.length + fromPrediction.length;
  if (boundaryVoxels === 0) return null;
  // Distances are rounded: one that equals the tolerance counts as within it.
  const limit = tolerance * (1 + 1e-6);
  const within = (distances: Float64Array): number => distances.reduce((n, each) => n + (each <= limit ? 1 : 0), 0);
  return (within(fromTruth) + within(fromPrediction)) / boundaryVoxels;
}
