/**
 * Networks in the formats of others.
 *
 * @module @lobule/interop
 */

export { ExportError } from "./export-error.js";
export {
  exportOnnx,
  type OnnxDescription,
  type OnnxExport,
  type OnnxExportOptions,
  type OnnxOutput,
} from "./onnx/export-onnx.js";
export type { GraphValue } from "./onnx/graph-builder.js";
export { monaiMetadata } from "./onnx/monai-metadata.js";
