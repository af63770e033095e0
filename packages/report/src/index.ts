/**
 * Reports of runs, comparisons, tables of evaluations, pictures and TensorBoard files.
 *
 * @module @lobule/report
 */

export { type AugmentationPageInput, renderAugmentation } from "./augmentation/augmentation-page.js";
export {
  type ClassComparison,
  type ComparedVariant,
  type CompareOptions,
  type Comparison,
  compareRuns,
  compareVariants,
  type Difference,
  type PairedTests,
  type RunCost,
  type RunReading,
  type RunSummary,
} from "./comparison/compare-runs.js";
export {
  type ComparedEvaluation,
  type ComparedRun,
  namesOf,
  readComparedRun,
  readEvaluation,
} from "./comparison/compared-run.js";
export { ComparisonError } from "./comparison/comparison-error.js";
export { comparisonCasesCsv, comparisonCsv, comparisonJson } from "./comparison/comparison-files.js";
export { renderComparison } from "./comparison/comparison-page.js";
export { formatComparison } from "./comparison/format-comparison.js";
export { type ReadingName, readingNames, readingTitle } from "./comparison/readings.js";
export { crossValidationCsv, crossValidationJson } from "./crossval/crossval-files.js";
export { type CrossValidationInput, renderCrossValidation } from "./crossval/crossval-page.js";
export { evaluationCsv, evaluationJson } from "./evaluation/evaluation-files.js";
export { type FormatEvaluationOptions, formatEvaluation } from "./evaluation/format-evaluation.js";
export { type PublishedDice, type PublishedPreset, publishedDice } from "./evaluation/published-figures.js";
export { type FollowedRun, followRun } from "./live/follow-run.js";
export type { LiveRun, LiveSlice, LiveStep, RunEvent, RunPace } from "./live/run-event.js";
export { emptyView, type RunState, type RunView, viewAfter } from "./live/run-view.js";
export { runSecondsLeft } from "./live/seconds-left.js";
export { embeddedStyle } from "./page/style.js";
export { colorOfLabel } from "./picture/class-colors.js";
export { type LegendEntry, type MontageText, type MontageTile, montage } from "./picture/montage.js";
export { segmentPreview } from "./picture/segment-preview.js";
export { drawSlice, type SliceView } from "./picture/slice-picture.js";
export type { ReportClass, ReportEvaluation, ReportMeasure, ReportReading } from "./run/dice-table.js";
export { type ReportInput, renderReport } from "./run/report.js";
export type { ReportProgress } from "./run/report-progress.js";
export { keepReport, type RecorderOptions } from "./run/run-recorder.js";
export {
  type MeasuredRun,
  measureRun,
  type RunMeasureOptions,
  type RunReportOptions,
  reportRun,
  writeReport,
} from "./run/run-report.js";
export type { GallerySlices, ReportSlice } from "./run/slices-section.js";
