import { type CaseFiles, DataError, type Storage } from "@lobule/data";
import { emptyRules } from "@lobule/metrics";
import type { Device } from "@lobule/tensor";
import {
  type CodeTrust,
  type EvaluationResult,
  evaluateCases,
  type RunFolder,
  readModel,
  SlicePredictor,
  summarize,
} from "@lobule/train";
import { publishedDice } from "../evaluation/published-figures.js";
import { surfaceNotes } from "../evaluation/surface-notes.js";
import type { ReportClass, ReportEvaluation } from "./dice-table.js";
import { renderReport } from "./report.js";
import type { ReportProgress } from "./report-progress.js";
import { SliceGallery } from "./slice-gallery.js";

/** How the report of a run is made. */
export interface RunReportOptions extends CodeTrust {
  /** Slices that are run at once; 4 by default. */
  readonly atOnce?: number;
  readonly onCase?: (done: number, total: number, name: string) => void;
  readonly signal?: AbortSignal;
  /** How training ended, and when the page is written. */
  readonly progress: ReportProgress;
}

/**
 * Measures a run's best checkpoint on its validation cases and writes report.html.
 * @returns the page's path and the figures.
 * @throws ModelError, DataError, FileWriteError.
 */
export async function reportRun(
  storage: Storage,
  device: Device,
  folder: RunFolder,
  title: string,
  cases: readonly CaseFiles[],
  { atOnce = 4, onCase, signal, progress, ...trust }: RunReportOptions,
): Promise<{ readonly path: string; readonly evaluation: EvaluationResult }> {
  const model = await readModel(storage, folder.directory, trust);
  const { classes, window, preset } = model.description;
  const predictor = new SlicePredictor(device, model, { atOnce });
  const gallery = new SliceGallery(classes.length, window);
  const { results, failures } = await evaluateCases(storage, predictor, cases, {
    look: (...volumes) => gallery.look(...volumes),
    ...(onCase === undefined ? {} : { onCase }),
    ...(signal === undefined ? {} : { signal }),
  });
  await predictor.close();
  const [failure] = failures;
  if (failure !== undefined) throw new DataError(failure.error);
  const evaluation = summarize(results);
  const published = preset === null ? [] : publishedDice[preset];
  const page = renderReport({
    title,
    classes,
    config: folder.config,
    split: folder.split,
    environment: folder.environment,
    metrics: await folder.readMetrics(),
    progress,
    evaluation: forReport(evaluation, published, results.length),
    slices: gallery.slices(),
  });
  return { path: await folder.saveReport(page), evaluation };
}

const readingTitles = {
  sliceMean: { label: "mean over slices", unit: "slice" },
  foregroundSliceMean: { label: "mean over slices with the class", unit: "slice" },
  pooled: { label: "pooled over all voxels", unit: "case" },
  perCase: { label: "mean over cases, 3D", unit: "case" },
} as const;

/** The figures in the form of the report's tables. */
function forReport(
  evaluation: EvaluationResult,
  published: readonly { readonly label: number; readonly dice: number }[],
  cases: number,
): ReportEvaluation {
  const { classes, tolerance } = evaluation;
  return {
    cases,
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
