export { FileWriteError, writeFileAtomically } from "@lobule/data";
export { Adam, type AdamOptions } from "./adam.js";
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
export { type ComparedRun, readComparedRun } from "./comparison/compared-run.js";
export { ComparisonError } from "./comparison/comparison-error.js";
export { comparisonCasesCsv, comparisonCsv, comparisonJson } from "./comparison/comparison-files.js";
export { renderComparison } from "./comparison/comparison-page.js";
export { formatComparison } from "./comparison/format-comparison.js";
export { type ReadingName, readingNames } from "./comparison/readings.js";
export {
  type DiceCounts,
  type DiceScores,
  diceCounts,
  diceScores,
  meanDiceByClass,
  pooledCounts,
  scoresOf,
} from "./dice-scores.js";
export { EarlyStopping, type EarlyStoppingOptions, type EarlyStoppingState } from "./early-stopping.js";
export { type BootstrapOptions, bootstrapInterval, type Interval } from "./evaluation/bootstrap.js";
export {
  type CaseReading,
  DiceAccumulator,
  type DiceReadings,
  type DiceTally,
  emptyRules,
  type Reading,
} from "./evaluation/dice-readings.js";
export {
  type CaseResult,
  type ClassMeasures,
  type EvaluateCaseOptions,
  evaluateCase,
  type VolumeMeasures,
} from "./evaluation/evaluate-case.js";
export { evaluationCsv, evaluationJson } from "./evaluation/evaluation-files.js";
export { type FormatEvaluationOptions, formatEvaluation } from "./evaluation/format-evaluation.js";
export { listLabels, mapLabels, sameNames } from "./evaluation/label-mapping.js";
export { type LargestComponentOptions, largestComponent } from "./evaluation/largest-component.js";
export { defaultTolerance, finishedCases, measurementName, readMeasurement } from "./evaluation/measurement-file.js";
export type { CaseSource, CaseUse, EvaluationSettings, Provenance } from "./evaluation/provenance.js";
export { type PublishedDice, type PublishedPreset, publishedDice } from "./evaluation/published-figures.js";
export { type ClassSummary, type EvaluationResult, type MeasuredCase, summarise } from "./evaluation/summarise.js";
export { defaultEdge, type VolumeEdge, volumeEdges } from "./evaluation/surface-distance.js";
export { type Experiment, ExperimentError, parseExperiment } from "./experiment/experiment-file.js";
export {
  type ExperimentRecord,
  type RunState,
  readExperimentRecord,
  requirePlanned,
  requireUnchanged,
  writeExperimentRecord,
} from "./experiment/experiment-folder.js";
export { type PlannedRun, planExperiment } from "./experiment/plan-experiment.js";
export { decideRung, type Rung, scoreAt } from "./experiment/successive-halving.js";
export { LossScaler, type LossScalerOptions } from "./loss-scaler.js";
export { defineModel, type ModelFactory, type ModelRequest } from "./model/custom-model.js";
export { readModel, type SavedModel } from "./model/load-model.js";
export { buildNetwork, type ModelCode, type ModelDescription } from "./model/model-description.js";
export { ModelError } from "./model/model-error.js";
export { networkPresets, networkSettingsSchema, networkSpec } from "./model/network-settings.js";
export { type CodeTrust, requireTrusted } from "./model/trusted-code.js";
export type { Optimizer, StepOptions } from "./optimizer.js";
export { OptimizerStateError } from "./optimizer-state.js";
export { type EvaluateOptions, evaluateCases, predictVolume } from "./predict/evaluate-cases.js";
export { type EvaluateRunOptions, evaluateRun, type RunEvaluation } from "./predict/evaluate-run.js";
export {
  type GateMap,
  type InspectedSlice,
  inspectSlice,
  type LayerStatistics,
  type SliceInspection,
} from "./predict/inspect-slice.js";
export { loadModels, normalizeImage, type SliceModel } from "./predict/load-models.js";
export {
  type EvaluationPlan,
  type EvaluationRequest,
  listFailures,
  planEvaluation,
  provenanceOf,
} from "./predict/plan-evaluation.js";
export { type PreviewSlice, type SegmentOptions, type SegmentResult, segmentVolume } from "./predict/segment-volume.js";
export { type PredictorOptions, SlicePredictor } from "./predict/slice-predictor.js";
export {
  ReduceLROnPlateau,
  type ReduceLROnPlateauOptions,
  type ReduceLROnPlateauState,
} from "./reduce-lr-on-plateau.js";
export type { ReportClass, ReportEvaluation, ReportMeasure, ReportReading } from "./report/dice-table.js";
export { type LegendEntry, type MontageText, type MontageTile, montage } from "./report/montage.js";
export { type ReportInput, renderReport } from "./report/report.js";
export type { ReportProgress, ReportState } from "./report/report-progress.js";
export { type RunReportOptions, reportRun } from "./report/run-report.js";
export { drawSlice, type SliceView } from "./report/slice-picture.js";
export type { GallerySlices, ReportSlice } from "./report/slices-section.js";
export type { Checkpoint, CheckpointState } from "./run/checkpoint.js";
export type { EpochRecord } from "./run/epoch-record.js";
export { epochScalars, type SeriesScalars } from "./run/epoch-scalars.js";
export { KnownCases } from "./run/known-cases.js";
export { modalityNote } from "./run/modality.js";
export {
  type CheckpointKind,
  type MayWrite,
  RunError,
  RunFolder,
  type RunSettings,
  type RunSplit,
} from "./run/run-folder.js";
export { runProgressOf, unfinishedNote } from "./run/run-progress.js";
export { Sgd, type SgdOptions } from "./sgd.js";
export { NonFiniteLossError, type ProfiledCall } from "./trainer/batch-runner.js";
export {
  type OpenRun,
  type PreparedRun,
  prepareRun,
  type RunRequest,
  requireGrowth,
  resumeRun,
  startRun,
} from "./trainer/open-run.js";
export { planRun, type RunPlan } from "./trainer/plan-run.js";
export { type PreparedData, prepareData, type SplitNames } from "./trainer/prepare-data.js";
export type { RunKeeper, StepRecord } from "./trainer/run-keeper.js";
export type { SampleSlice } from "./trainer/sample-slices.js";
export { type StepProgress, Trainer, type TrainingObserver, type TrainingOutcome } from "./trainer/trainer.js";
export {
  ConfigError,
  formsOfSetting,
  type PresetName,
  parseConfig,
  resolveConfig,
  resolveLayers,
  type SettingsLayer,
  type TrainingConfig,
} from "./trainer/training-config.js";
export { WeightAverage } from "./weight-average.js";
