import { emptyRules } from "@lobule/metrics";
import type { EvaluationResult } from "@lobule/train";
import { surfaceNotes } from "../evaluation/surface-notes.js";
import type { ReportClass, ReportEvaluation } from "./dice-table.js";

const readingTitles = {
  sliceMean: { label: "mean over slices", unit: "slice" },
  foregroundSliceMean: { label: "mean over slices with the class", unit: "slice" },
  pooled: { label: "pooled over all voxels", unit: "case" },
  perCase: { label: "mean over cases, 3D", unit: "case" },
} as const;

/** The figures in the form of the report's tables. */
export function forReport(
  evaluation: EvaluationResult,
  published: readonly { readonly label: number; readonly dice: number }[] = [],
): ReportEvaluation {
  const { classes, tolerance } = evaluation;
  return {
    cases: evaluation.cases.length,
    notes: surfaceNotes(evaluation),
    classes: classes.map((each): ReportClass => {
      const figure = published.find(({ label }) => label === each.label);
      const { hausdorff95, normalizedSurfaceDistance, volume } = each;
      return {
        name: each.name,
        readings: (Object.keys(readingTitles) as (keyof typeof readingTitles)[]).map((key) => ({
          ...readingTitles[key],
          ...each.dice[key],
          rule: emptyRules[key],
        })),
        measures: [
          { label: "95 % Hausdorff distance, mm", ...hausdorff95, digits: 1 },
          { label: `surface within ${tolerance} mm (NSD)`, ...normalizedSurfaceDistance, digits: 3 },
          { label: "volume of the truth, ml", ...volume.truth, digits: 1 },
          { label: "volume error, ml", ...volume.error, digits: 1 },
          { label: "volume error, absolute, ml", ...volume.absoluteError, digits: 1 },
        ],
        ...(figure === undefined
          ? {}
          : { published: { value: figure.dice, note: "published; the source does not state the reading" } }),
      };
    }),
  };
}
