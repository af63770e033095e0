import { type Affine, axisAngles, columnLengths, type Grid, Pauses, type Vector3, type Volume } from "@lobule/data";
import { squaredDistances } from "./distance-transform.js";
import { NearestPoint } from "./nearest-point.js";
import { quantile } from "./quantile.js";
import { sortWithPauses } from "./sort-with-pauses.js";

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
export async function boxesOfLabels(
  volumes: readonly Volume[],
  classes: number,
  pauses = new Pauses(),
): Promise<readonly (Box | null)[]> {
  const from = Array.from({ length: classes }, () => [Infinity, Infinity, Infinity] as [number, number, number]);
  const to = Array.from({ length: classes }, () => [0, 0, 0] as [number, number, number]);
  for (const { data, shape } of volumes) {
    const [nx, ny, nz] = shape;
    let i = 0;
    for (let z = 0; z < nz; z++) {
      if (pauses.due) await pauses.take();
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
  }
  return from.map((low, label) => (low[0] === Infinity ? null : { from: low, to: to[label] ?? [0, 0, 0] }));
}

/** What the edge of the volume is to a region that reaches it: its surface, or a cut through it, which is none. */
export const volumeEdges = ["surface", "cut"] as const;

/** What the edge of a volume is to a region that reaches it: a part of its surface, or a cut through it. */
export type VolumeEdge = (typeof volumeEdges)[number];

/** As MONAI, medpy and DeepMind's surface-distance have it: beyond the edge there is nothing. */
export const defaultEdge: VolumeEdge = "surface";

/** Along an axis of one or two voxels every voxel is at the edge, and would be on the surface. */
const mostVoxelsAtEdge = 2;

/** Whether the ends of each axis count as the surface of a region that reaches them. */
const closedAxes = (shape: Vector3, edge: VolumeEdge): readonly boolean[] =>
  shape.map((length) => edge === "surface" && length > mostVoxelsAtEdge);

/** Axes with more than one voxel: surfaces in a stack of one slice are contours in its plane. */
export const surfaceDimensions = (shape: Vector3): number => shape.filter((length) => length > 1).length;

/** Whether a box reaches an end of the volume that counts as surface. */
export function reachesEdge({ from, to }: Box, shape: Vector3, edge: VolumeEdge): boolean {
  const closed = closedAxes(shape, edge);
  return shape.some((length, axis) => closed[axis] && (from[axis] === 0 || to[axis] === length));
}

/**
 * Distances between the surfaces of a label in two maps of the same grid.
 *
 * The surface of a region is its boundary voxels: those with at least one of their six neighbors outside the region.
 * What is beyond the edge of the volume is outside if the edge is a surface, but not along an axis of one or two
 * voxels; so a single slice is measured in its plane. Distances are between the centers of voxels, by the affine, exact
 * whatever the angles of its axes: by a distance transform where they are right angles, else by a search. The `box` must
 * hold every voxel of the label in both maps; null if there is none. Takes minutes for millions of boundary voxels, with
 * pauses, at which a signal ends it.
 *
 * Source: the boundary of MONAI's get_mask_edges, the region without its erosion by the 6-neighborhood.
 */
export async function surfaceDistances(
  truth: Volume,
  prediction: Volume,
  label: number,
  box: Box | null,
  edge: VolumeEdge = defaultEdge,
  pauses = new Pauses(),
): Promise<SurfaceDistances> {
  if (box === null) return { fromTruth: new Float64Array(), fromPrediction: new Float64Array() };
  const ofTruth = await boundary(truth, label, box, edge, pauses);
  const ofPrediction = await boundary(prediction, label, box, edge, pauses);
  const between = isRectangular(truth.affine) ? transformedDistances : searchedDistances;
  return {
    fromTruth: await between(ofTruth, ofPrediction, truth, box, pauses),
    fromPrediction: await between(ofPrediction, ofTruth, truth, box, pauses),
  };
}

/** A smaller cosine of the angle between two axes changes no distance by more than its half, relatively. */
const largestCosine = 1e-6;

const isRectangular = (affine: Affine): boolean =>
  Math.sin((axisAngles(affine).shear * Math.PI) / 180) <= largestCosine;

/** From each of some voxels to the nearest of others, all in the box, rising: in linear time, by right angles alone. */
async function transformedDistances(
  voxels: Int32Array,
  others: Int32Array,
  { shape, affine }: Grid,
  box: Box,
  pauses: Pauses,
): Promise<Float64Array> {
  const [nx, ny] = shape;
  const { from, to } = box;
  const extent: Vector3 = [to[0] - from[0], to[1] - from[1], to[2] - from[2]];
  const inBox = (voxel: number): number => {
    const [x, y, z] = [voxel % nx, Math.floor(voxel / nx) % ny, Math.floor(voxel / (nx * ny))];
    return x - from[0] + extent[0] * (y - from[1] + extent[1] * (z - from[2]));
  };
  const sites = new Uint8Array(extent[0] * extent[1] * extent[2]);
  for (const [n, voxel] of others.entries()) {
    sites[inBox(voxel)] = 1;
    if (n % voxelsAtOnce === 0 && pauses.due) await pauses.take();
  }
  const squared = await squaredDistances(sites, extent, columnLengths(affine), pauses);
  const found = new Float64Array(voxels.length);
  for (const [n, voxel] of voxels.entries()) {
    found[n] = Math.sqrt(squared[inBox(voxel)] as number);
    if (n % voxelsAtOnce === 0 && pauses.due) await pauses.take();
  }
  return sortWithPauses(found, pauses);
}

/** Searches between which it is asked whether a pause is due: most take microseconds. */
const searchesAtOnce = 64;

/** The same for what takes a fraction of a microsecond a voxel. */
const voxelsAtOnce = 4096;

/** The same for any affine, by a search for each voxel. */
async function searchedDistances(
  voxels: Int32Array,
  others: Int32Array,
  grid: Grid,
  _box: Box,
  pauses: Pauses,
): Promise<Float64Array> {
  const nearest = await NearestPoint.of(await positions(others, grid, pauses), pauses);
  const places = await positions(voxels, grid, pauses);
  const found = new Float64Array(voxels.length);
  for (let n = 0; n < found.length; n++) {
    const [x, y, z] = [places[3 * n] as number, places[3 * n + 1] as number, places[3 * n + 2] as number];
    found[n] = Math.sqrt(nearest.squaredDistance(x, y, z));
    if (n % searchesAtOnce === 0 && pauses.due) await pauses.take();
  }
  return sortWithPauses(found, pauses);
}

/** Indices of the boundary voxels of a label in a box. */
async function boundary(
  { data, shape }: Volume,
  label: number,
  { from, to }: Box,
  edge: VolumeEdge,
  pauses: Pauses,
): Promise<Int32Array> {
  const [nx, ny, nz] = shape;
  const [closedX, closedY, closedZ] = closedAxes(shape, edge);
  const found: number[] = [];
  for (let z = from[2]; z < to[2]; z++) {
    if (pauses.due) await pauses.take();
    for (let y = from[1]; y < to[1]; y++)
      for (let x = from[0], i = x + nx * (y + ny * z); x < to[0]; x++, i++) {
        if (data[i] !== label) continue;
        const inside =
          (x === 0 ? !closedX : data[i - 1] === label) &&
          (x === nx - 1 ? !closedX : data[i + 1] === label) &&
          (y === 0 ? !closedY : data[i - nx] === label) &&
          (y === ny - 1 ? !closedY : data[i + nx] === label) &&
          (z === 0 ? !closedZ : data[i - nx * ny] === label) &&
          (z === nz - 1 ? !closedZ : data[i + nx * ny] === label);
        if (!inside) found.push(i);
      }
  }
  return Int32Array.from(found);
}

/** Centers of voxels in mm, x, y and z of each, from the center of the first voxel. */
async function positions(voxels: Int32Array, { shape: [nx, ny], affine }: Grid, pauses: Pauses): Promise<Float64Array> {
  const points = new Float64Array(3 * voxels.length);
  for (const [n, i] of voxels.entries()) {
    const [x, y, z] = [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))];
    for (const [axis, row] of affine.entries()) points[3 * n + axis] = row[0] * x + row[1] * y + row[2] * z;
    if (n % voxelsAtOnce === 0 && pauses.due) await pauses.take();
  }
  return points;
}

/**
 * 95 % Hausdorff distance, mm: the larger of the 95th percentiles of the distances from truth to prediction and from
 * prediction to truth. Null where either has no boundary: it is empty, or fills a volume whose edge is a cut.
 *
 * Source: MONAI's compute_hausdorff_distance with percentile 95; the definition of Huttenlocher et al. 1993, ranked.
 */
export function hausdorff95({ fromTruth, fromPrediction }: SurfaceDistances): number | null {
  if (fromTruth.length === 0 || fromPrediction.length === 0) return null;
  return Math.max(quantile(fromTruth, 0.95), quantile(fromPrediction, 0.95));
}

/**
 * Normalized surface distance: the share of all boundary voxels, of truth and prediction together, that lie within
 * `tolerance` mm of the other's boundary. 0 where only one of them has a boundary, null where neither has.
 *
 * Every boundary voxel has the same weight, as in MONAI's compute_surface_dice; the measure of Nikolov et al. 2018
 * ("Deep learning to achieve clinically applicable segmentation of head and neck anatomy") weighs them by surface area.
 */
export function normalizedSurfaceDistance(
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
