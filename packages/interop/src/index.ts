/**
 * Networks in the formats of others.
 *
 * @module @lobule/interop
 */

export { ExportError } from "./export-error.js";
export { type NnUNetCheckpoint, type NnUNetFold, nnunetFolds, readNnUNetFold } from "./nnunet/nnunet-folder.js";
export type { NnUNetPlan } from "./nnunet/nnunet-plans.js";
export {
  exportOnnx,
  type OnnxDescription,
  type OnnxExport,
  type OnnxExportOptions,
  type OnnxOutput,
} from "./onnx/export-onnx.js";
export type { GraphValue } from "./onnx/graph-builder.js";
export { monaiMetadata } from "./onnx/monai-metadata.js";
export { type PicturesOptions, type PicturesTask, picturesToTask } from "./pictures/pictures-to-task.js";
export { type Picture, readPicture } from "./pictures/read-picture.js";
export type { ElementType, ForeignTensor, ForeignWeights } from "./pytorch/foreign-tensor.js";
export {
  type MatchedWeights,
  type MatchOptions,
  matchWeights,
  type WantedShapes,
  WeightMisfitError,
} from "./pytorch/match-weights.js";
export { modelScript } from "./pytorch/model-script.js";
export { PytorchError } from "./pytorch/pytorch-error.js";
export { type PytorchFile, readPytorch } from "./pytorch/read-pytorch.js";
export { readPytorchFile } from "./pytorch/read-pytorch-file.js";
