/**
 * Configuration, training, run folders, checkpoints, prediction and evaluation.
 *
 * @module @lobule/train
 */

export {
  alone,
  type Collective,
  gatherTexts,
  gatherTurns,
  onEveryRank,
  RankError,
  rankName,
  requireSameFacts,
} from "./collective/collective.js";
export {
  type CrossValidation,
  type FoldSummary,
  joinFolds,
  type MeasuredFold,
} from "./evaluation/cross-validation.js";
export { withFormerNames } from "./evaluation/former-names.js";
export { listLabels, sameNames } from "./evaluation/label-mapping.js";
export { defaultTolerance, finishedCases, measurementName, readMeasurement } from "./evaluation/measurement-file.js";
export { modalityNote } from "./evaluation/modality.js";
export { type EvaluationSettings, mapText, type Provenance, provenanceSchema } from "./evaluation/provenance.js";
export { readFold } from "./evaluation/read-fold.js";
export { type ClassSummary, type EvaluationResult, type MeasuredCase, summarize } from "./evaluation/summarize.js";
export { fitJson } from "./json/parse-json.js";
export { bodyBoxOf } from "./model/body-box.js";
export { defineModel, type ModelFactory, type ModelRequest } from "./model/custom-model.js";
export {
  channelsOf,
  drawnWindow,
  type Intensities,
  type IntensityMap,
  imageWindow,
  intensitiesText,
  intensityMap,
  isByImage,
} from "./model/intensities.js";
export { readModel, readModelOnAll, type SavedModel } from "./model/load-model.js";
export {
  buildNetwork,
  inputChannels,
  type ModelCode,
  type ModelDescription,
  parseModelDescription,
} from "./model/model-description.js";
export { ModelError } from "./model/model-error.js";
export { parseModelSpec } from "./model/model-spec.js";
export { networkSettingsSchema, networkSpec } from "./model/network-settings.js";
export { nnunetSizes } from "./model/nnunet-settings.js";
export {
  type CaseComponents,
  choosePostprocessing,
  otherWeightsNote,
  type Postprocessing,
  postprocessingText,
  readChosen,
  savePostprocessing,
  weightsOf,
} from "./model/postprocessing.js";
export { postprocessingOf, readEnsemble, readModels, writeEnsemble } from "./model/read-models.js";
export { type ForeignModel, isForeignModel, saveModel } from "./model/save-model.js";
export { type CodeMemory, type CodeTrust, requireTrusted } from "./model/trusted-code.js";
export { type Choice, choosePlan, type PlanBasis, smallerBatches } from "./plan/choose-plan.js";
export { type ClassFacts, type DataFacts, type Range, readDataFacts, unknownFacts } from "./plan/data-facts.js";
export type { GivenSettings } from "./plan/given-settings.js";
export { requireAlike } from "./predict/ensemble.js";
export { evaluateCases } from "./predict/evaluate-cases.js";
export { evaluateRun } from "./predict/evaluate-run.js";
export { type GateMap, inspectSlice, type SliceInspection } from "./predict/inspect-slice.js";
export { loadModels, normalizeImage, type SliceModel } from "./predict/load-models.js";
export { measureComponents } from "./predict/measure-components.js";
export { type Disagreement, mirrorDisagreement } from "./predict/mirror-disagreement.js";
export {
  channelsText,
  type EvaluationAdvice,
  type EvaluationPlan,
  listFailures,
  planEvaluation,
  provenanceOf,
} from "./predict/plan-evaluation.js";
export {
  type Labeled,
  type LabeledBy,
  type LabeledVolume,
  type SegmentEntries,
  segmentRecordSchema,
  segmentRecordText,
  volumesOf,
} from "./predict/segment-record.js";
export { type SegmentOptions, type SegmentResult, segmentVolume } from "./predict/segment-volume.js";
export { SlicePredictor } from "./predict/slice-predictor.js";
export { type MapPaths, uncertaintyMaps } from "./predict/uncertainty-files.js";
export { type EpochRecord, epochRecordLine, lostRecordsNote, missingEpochs } from "./run/epoch-record.js";
export { addedTo, type EpochSums, meansOf, noSums } from "./run/epoch-sums.js";
export { sharedEpochsText } from "./run/folder-of-runs.js";
export { type MayWrite, RunError, RunFolder, type RunSplit } from "./run/run-folder.js";
export { runProgressOf, unfinishedNote } from "./run/run-progress.js";
export type { TrainingOutcome } from "./run/training-state.js";
export type { StepCost, Workload } from "./run/workload.js";
export {
  type Augmentation,
  augmentationKinds,
  noAugmentation,
  unmirroredAugmentation,
  usualAugmentation,
} from "./settings/augmentation-setting.js";
export { type LossTerms, lossOfConfig, lossText, termsOf } from "./settings/loss-setting.js";
export {
  type AugmentationExample,
  type AugmentationExamplesOptions,
  type AugmentationGroup,
  augmentationExamples,
  type ShownChannel,
} from "./trainer/augmentation-examples.js";
export { NonFiniteLossError, type ProfiledCall } from "./trainer/batch-runner.js";
export { channelNames } from "./trainer/channel-settings.js";
export { ConfigError } from "./trainer/config-error.js";
export {
  type PresetName,
  presetNames,
  presetOf,
  presetSettings,
  type TrainingConfig,
} from "./trainer/config-schema.js";
export { type CrossValidationFolds, crossValidationFolds } from "./trainer/cross-validation-folds.js";
export { type JoinedRun, joinRun, type OpenRun, requireGrowth, resumeRun, startRun } from "./trainer/open-run.js";
export { planRun, type RunPlan } from "./trainer/plan-run.js";
export { caseSettings, chooseCases } from "./trainer/prepare-data.js";
export { type PreparedRun, prepareRun } from "./trainer/prepare-run.js";
export type { RankEffort } from "./trainer/ranks.js";
export { automaticWindow } from "./trainer/resolve-window.js";
export type { LabeledSlices, RunKeeper, RunStatus, StepRecord } from "./trainer/run-keeper.js";
export type { KeptRun, OpenKeeper, RunRequest } from "./trainer/run-request.js";
export type { SampleSlice } from "./trainer/sample-slices.js";
export { SharedGradients } from "./trainer/shared-gradients.js";
export { settingsOfModel } from "./trainer/start-weights.js";
export {
  defaultText,
  describedSettings,
  descriptionOf,
  formsOfSetting,
  mergeSettings,
  parseConfig,
  resolveConfig,
  resolveLayers,
  type SettingsLayer,
  settingsFileSchema,
} from "./trainer/training-config.js";
export type { StepProgress, TrainingObserver } from "./trainer/training-observer.js";
