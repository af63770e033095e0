import { type CaseFiles, DataError, type Storage } from "@lobule/data";
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
import { renderReport } from "./report.js";
import { forReport } from "./report-evaluation.js";
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
    evaluation: forReport(evaluation, published),
    slices: gallery.slices(),
  });
  return { path: await folder.saveReport(page), evaluation };
}
