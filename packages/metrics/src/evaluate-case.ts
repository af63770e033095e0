import { DataError, type Grid, onGridOf, Pauses, type Volume, voxelVolume } from "@lobule/data";
import { DiceAccumulator, type DiceTally } from "./dice-readings.js";
import { diceCounts } from "./dice-scores.js";
import {
  boxesOfLabels,
  defaultEdge,
  hausdorff95,
  normalizedSurfaceDistance,
  reachesEdge,
  surfaceDimensions,
  surfaceDistances,
  type VolumeEdge,
} from "./surface-distance.js";

/** Volumes in ml: voxels times the size of a voxel. */
export interface VolumeMeasures {
  readonly truth: number;
  readonly prediction: number;
  /** Prediction − truth. */
  readonly error: number;
  /** 100·error/truth; null where the truth lacks the class. */
  readonly errorPercent: number | null;
}

/** One class of one case. */
export interface ClassMeasures {
  readonly label: number;
  readonly name: string;
  /** What the case adds to the readings of Dice; its slices are those of the third axis. */
  readonly dice: DiceTally;
  /** mm; null where truth or prediction lacks the class, or has no boundary. */
  readonly hausdorff95: number | null;
  /** Null where both lack the class, 0 where one does. */
  readonly normalizedSurfaceDistance: number | null;
  /** Whether the truth reaches an end of the volume that counts as its surface. */
  readonly truthAtEdge: boolean;
  readonly volume: VolumeMeasures;
}

/** What was measured of one case. */
export interface CaseResult {
  readonly name: string;
  readonly shape: Grid["shape"];
  /** mm */
  readonly spacing: Grid["spacing"];
  /** Tolerance of the normalized surface distance, mm. */
  readonly tolerance: number;
  /** What the edge of the volume is to a region that reaches it. */
  readonly edge: VolumeEdge;
  /** Axes with more than one voxel: 2 for a single slice, whose surface distances are those of contours in its plane. */
  readonly surfaceDimensions: number;
  /** All classes but the background, by label from 1. */
  readonly classes: readonly ClassMeasures[];
}

/** How a case is measured. */
export interface EvaluateCaseOptions {
  /** Name of the case, in the results and in errors. */
  readonly name: string;
  /** Tolerance of the normalized surface distance, mm; 2 by default. */
  readonly tolerance?: number;
  /** What the edge of the volume is to a region that reaches it; "surface" by default. */
  readonly edge?: VolumeEdge;
  /** Ends the measuring, which can take minutes. */
  readonly signal?: AbortSignal;
}

/**
 * Measures a segmentation against the truth. `classes` are names by label, the background first.
 *
 * Besides both volumes it needs 6 bytes for each voxel of the smallest box around a class, one class at a time.
 *
 * @throws DataError when the two are not on the same grid, to a tenth of a voxel, or hold a label that is no class;
 * or for a tolerance below 0; the signal's reason.
 */
export async function evaluateCase(
  truth: Volume,
  predicted: Volume,
  classes: readonly string[],
  { name, tolerance = 2, edge = defaultEdge, signal }: EvaluateCaseOptions,
): Promise<CaseResult> {
  if (!(tolerance >= 0))
    throw new DataError(`the tolerance of the normalized surface distance must be 0 mm or more, not ${tolerance}`);
  const prediction = onGridOf(predicted, truth, [`${name}: the prediction`, "the truth"]);
  const pauses = new Pauses(signal);
  const tallies = await tallySlices(truth, prediction, classes, name, pauses);
  const boxes = await boxesOfLabels([truth, prediction], classes.length, pauses);
  const boxesOfTruth = await boxesOfLabels([truth], classes.length, pauses);
  const milliliters = voxelVolume(truth.affine) / 1000;
  const measure = async (dice: DiceTally, label: number): Promise<ClassMeasures> => {
    const distances = await surfaceDistances(truth, prediction, label, boxes[label] ?? null, edge, pauses);
    const truthBox = boxesOfTruth[label] ?? null;
    const excess = dice.predicted - dice.target;
    return {
      label,
      name: classes[label] ?? "",
      dice,
      hausdorff95: hausdorff95(distances),
      normalizedSurfaceDistance: normalizedSurfaceDistance(distances, tolerance),
      truthAtEdge: truthBox !== null && reachesEdge(truthBox, truth.shape, edge),
      volume: {
        truth: dice.target * milliliters,
        prediction: dice.predicted * milliliters,
        error: excess * milliliters,
        errorPercent: dice.target === 0 ? null : (100 * excess) / dice.target,
      },
    };
  };
  const foreground: ClassMeasures[] = [];
  for (const [i, dice] of tallies.slice(1).entries()) foreground.push(await measure(dice, i + 1));
  const { shape, spacing } = truth;
  const dimensions = surfaceDimensions(shape);
  return { name, shape, spacing, tolerance, edge, surfaceDimensions: dimensions, classes: foreground };
}

/** Counts slice by slice along the third axis. */
async function tallySlices(
  truth: Volume,
  prediction: Volume,
  classes: readonly string[],
  name: string,
  pauses: Pauses,
): Promise<readonly DiceTally[]> {
  const [width, height, depth] = truth.shape;
  const accumulator = new DiceAccumulator(classes.length);
  for (let z = 0; z < depth; z++) {
    if (pauses.due) await pauses.take();
    const slice = ({ data }: Volume): ArrayLike<number> => data.subarray(z * width * height, (z + 1) * width * height);
    try {
      accumulator.addSlice(name, diceCounts(slice(prediction), slice(truth), classes.length));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new DataError(
        `${name}: slice ${z} has a label that is none of the classes ${classes.join(", ")}; ${error.message}`,
      );
    }
  }
  return accumulator.cases.get(name) ?? [];
}
