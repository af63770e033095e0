import { type CaseFiles, DataError, type Storage, zScoresOf } from "@lobule/data";
import type { Device } from "@lobule/tensor";
import {
  type CodeTrust,
  type Collective,
  channelsOf,
  drawnWindow,
  type EvaluationResult,
  evaluateCases,
  isByImage,
  type ModelDescription,
  type RunFolder,
  readModel,
  type SavedModel,
  SlicePredictor,
  summarize,
} from "@lobule/train";
import { publishedDice } from "../evaluation/published-figures.js";
import { renderReport } from "./report.js";
import { forReport } from "./report-evaluation.js";
import type { ReportProgress } from "./report-progress.js";
import { SliceGallery } from "./slice-gallery.js";
import type { GallerySlices } from "./slices-section.js";

/** How a run is measured for its report. */
export interface RunMeasureOptions {
  /** Slices that are run at once; 4 by default. */
  readonly atOnce?: number;
  readonly onCase?: (done: number, total: number, name: string) => void;
  readonly signal?: AbortSignal;
  /** The processes that take turns with the cases; all have the result. */
  readonly world?: Collective;
}

/** What a report says of a run's validation cases. */
export interface MeasuredRun {
  readonly model: ModelDescription;
  readonly evaluation: EvaluationResult;
  readonly slices: GallerySlices;
}

/**
 * Measures a model on the validation cases of its run.
 * @returns undefined where the signal of any process ended it between two cases.
 * @throws DataError when a case cannot be read; as evaluateCases where the signal comes before the first is measured.
 */
export async function measureRun(
  storage: Storage,
  device: Device,
  model: SavedModel,
  cases: readonly CaseFiles[],
  { atOnce = 4, ...options }: RunMeasureOptions = {},
): Promise<MeasuredRun | undefined> {
  const { description } = model;
  const predictor = new SlicePredictor(device, model, { atOnce });
  // Of several channels the first is shown.
  const [shown] = channelsOf(description);
  const gallery = new SliceGallery(description.classes.length, (scan) =>
    drawnWindow(shown, isByImage(shown) ? zScoresOf(scan, "the image") : undefined),
  );
  const { results, failures, stopped } = await evaluateCases(storage, predictor, cases, {
    ...options,
    look: (name, [scan], ...labels) => gallery.look(name, scan, ...labels),
  }).finally(() => predictor.close());
  if (stopped) return undefined;
  const [failure] = failures;
  if (failure !== undefined) throw new DataError(failure.error);
  const slices = await gallery.slices(
    cases.map(({ name }) => name),
    options.world,
  );
  return { model: description, evaluation: summarize(results), slices };
}

/**
 * Writes report.html of a run.
 * @param progress how training ended, and when the page is written.
 * @returns the page's path.
 * @throws FileWriteError.
 */
export async function writeReport(
  folder: RunFolder,
  title: string,
  { model: { classes, preset }, evaluation, slices }: MeasuredRun,
  progress: ReportProgress,
): Promise<string> {
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
    slices,
  });
  return folder.saveReport(page);
}

/** How the report of a run is made. */
export interface RunReportOptions extends CodeTrust, Omit<RunMeasureOptions, "world"> {
  /** How training ended, and when the page is written. */
  readonly progress: ReportProgress;
}

/**
 * Measures a run's best checkpoint on its validation cases and writes report.html.
 * @returns the page's path and the figures.
 * @throws ModelError, DataError, FileWriteError; the signal's reason.
 */
export async function reportRun(
  storage: Storage,
  device: Device,
  folder: RunFolder,
  title: string,
  cases: readonly CaseFiles[],
  { progress, atOnce, onCase, signal, ...trust }: RunReportOptions,
): Promise<{ readonly path: string; readonly evaluation: EvaluationResult }> {
  const model = await readModel(storage, folder.directory, trust);
  const measured = await measureRun(storage, device, model, cases, {
    ...(atOnce === undefined ? {} : { atOnce }),
    ...(onCase === undefined ? {} : { onCase }),
    ...(signal === undefined ? {} : { signal }),
  });
  if (measured === undefined) throw signal?.reason; // nobody else can have stopped it
  return { path: await writeReport(folder, title, measured, progress), evaluation: measured.evaluation };
}
