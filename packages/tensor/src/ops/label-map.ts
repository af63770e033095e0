import { labelMap as labelMapKernel, wordsPerField } from "@lobule/kernels-wgsl";
import { u32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Image, Tensor } from "../graph/tensor.js";
import { asImage, printShape, ShapeError } from "../shape.js";

/**
 * Labels of slices on their own grid, uint8, four a word [n·slotPixels/4]: the class whose interpolated score is largest.
 * scores [n, c, h, w]: logits or probabilities; fields [8·n]: what `packLabelFields` made. Has no gradient.
 * @throws ShapeError when the fields are not so many.
 */
export function labelMap(
  scores: Image,
  fields: Tensor<readonly [number], "u32">,
  slotPixels: number,
): Tensor<readonly [number], "u32"> {
  const shape = asImage(scores.shape);
  const length = shape.batch * wordsPerField;
  if (fields.dtype !== "u32" || printShape(fields.shape) !== printShape([length])) {
    throw new ShapeError(
      `labelMap: fields are ${fields.dtype} ${printShape(fields.shape)}, expected u32 [${length}] for ${shape.batch} slices`,
    );
  }
  if (slotPixels % 4 !== 0) throw new ShapeError(`labelMap: slotPixels must be a multiple of 4, got ${slotPixels}`);
  const kernel = labelMapKernel(shape, slotPixels);
  return applyKernel({
    name: "label-map",
    key: String(slotPixels),
    inputs: { scores, fields },
    output: u32<readonly [number]>([(shape.batch * slotPixels) / 4]),
    slotInputs: ["scores"],
    lower: (inputs, labels, lowering) =>
      lowering.call({ kernel, slots: { scores: inputs.scores }, bindings: { fields: inputs.fields, labels } }),
  });
}
