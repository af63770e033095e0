import { type ClassMeasures, caseDice } from "@lobule/metrics";
import { type EvaluationResult, type MeasuredCase, mapText, type Provenance } from "@lobule/train";
import { type Cell, csvText } from "./csv.js";

/**
 * Columns of the table, with the value of each for a class of a case. `dice_3d` is empty where the truth lacks the
 * class; `dice_3d_with_empty` is 1 there if the prediction lacks it too, else 0.
 */
const columns: Readonly<Record<string, (result: MeasuredCase, measures: ClassMeasures) => Cell>> = {
  case: ({ name }) => name,
  label: (_, { label }) => label,
  class: (_, { name }) => name,
  slices: (_, { dice }) => dice.slices,
  dice_slice_mean: (_, { dice }) => ratio(dice.sliceDiceSum, dice.slices),
  foreground_slices: (_, { dice }) => dice.foregroundSlices,
  dice_foreground_slice_mean: (_, { dice }) => ratio(dice.foregroundSliceDiceSum, dice.foregroundSlices),
  dice_3d: (_, { dice }) => (dice.target === 0 ? null : caseDice(dice)),
  dice_3d_with_empty: (_, { dice }) => caseDice(dice),
  intersection_voxels: (_, { dice }) => dice.intersection,
  prediction_voxels: (_, { dice }) => dice.predicted,
  truth_voxels: (_, { dice }) => dice.target,
  hausdorff95_mm: (_, { hausdorff95 }) => hausdorff95,
  normalised_surface_distance: (_, measures) => measures.normalizedSurfaceDistance,
  tolerance_mm: ({ tolerance }) => tolerance,
  surface_dimensions: ({ surfaceDimensions }) => surfaceDimensions,
  volume_edge: ({ edge }) => edge,
  truth_at_edge: (_, { truthAtEdge }) => (truthAtEdge ? "yes" : "no"),
  truth_ml: (_, { volume }) => volume.truth,
  prediction_ml: (_, { volume }) => volume.prediction,
  error_ml: (_, { volume }) => volume.error,
  error_percent: (_, { volume }) => volume.errorPercent,
};

/** Columns that say what the figures are of; empty where that was not written down. */
const origins: Readonly<Record<string, (result: Pick<MeasuredCase, "source">, provenance?: Provenance) => Cell>> = {
  /** "training" marks a case that the run was trained on. */
  use: ({ source }) => source?.use ?? null,
  note: ({ source }) => source?.note ?? null,
  map: (_, provenance) => (provenance === undefined ? null : mapText(provenance.settings.map)),
  /** Whether labels were post-processed before they were measured. */
  postprocessed: (_, provenance) =>
    provenance === undefined ? null : provenance.settings.postprocessing === true ? "yes" : "no",
  run_state: (_, provenance) => provenance?.run.state ?? null,
  checkpoint_epoch: (_, provenance) => provenance?.checkpoint.epoch ?? null,
};

const ratio = (sum: number, n: number): number | null => (n === 0 ? null : sum / n);

/**
 * A header and one line for each case and class, the background left out. A figure that does not exist is an empty
 * field. A case that could not be measured has a line with its error in the last column and no figures.
 * Format: RFC 4180.
 */
export const evaluationCsv = (result: EvaluationResult): string => csvText(evaluationRows(result));

/** The lines of {@link evaluationCsv}, the header first; the name of the case is the first cell of each. */
export function evaluationRows({ cases, provenance }: EvaluationResult): Cell[][] {
  const origin = (result: Pick<MeasuredCase, "source">): Cell[] =>
    Object.values(origins).map((value) => value(result, provenance));
  const rows = cases.flatMap((result) =>
    result.classes.map((measures) => [
      ...Object.values(columns).map((value) => value(result, measures)),
      ...origin(result),
      null,
    ]),
  );
  const failed = (provenance?.failures ?? []).map(({ name, error }) => [
    ...Object.keys(columns).map((column) => (column === "case" ? name : null)),
    ...origin({}),
    error,
  ]);
  return [[...Object.keys(columns), ...Object.keys(origins), "error"], ...rows, ...failed];
}

/** The whole {@link EvaluationResult}; figures that do not exist are null. */
export const evaluationJson = (result: EvaluationResult): string => `${JSON.stringify(result, null, 2)}\n`;
