import { entropyMap as entropyMapKernel, wordsPerField } from "@lobule/kernels-wgsl";
import { f32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Image, Tensor } from "../graph/tensor.js";
import { asImage, printShape, ShapeError } from "../shape.js";

/**
 * Entropy of slices on their own grid, nats, a pixel a number [n·slotPixels]: −Σ p ln p over the interpolated probabilities
 * of a pixel's classes; 0 behind a slice and outside the network's field. probabilities [n, c, h, w]; fields [8·n]: what
 * `packLabelFields` made. Has no gradient.
 * @throws ShapeError when the fields are not so many.
 */
export function entropyMap(
  probabilities: Image,
  fields: Tensor<readonly [number], "u32">,
  slotPixels: number,
): Tensor<readonly [number], "f32"> {
  const shape = asImage(probabilities.shape);
  const length = shape.batch * wordsPerField;
  if (fields.dtype !== "u32" || printShape(fields.shape) !== printShape([length])) {
    throw new ShapeError(
      `entropyMap: fields are ${fields.dtype} ${printShape(fields.shape)}, expected u32 [${length}] for ${shape.batch} slices`,
    );
  }
  const kernel = entropyMapKernel(shape, slotPixels);
  return applyKernel({
    name: "entropy-map",
    key: String(slotPixels),
    inputs: { input: probabilities, fields },
    output: f32<readonly [number]>([shape.batch * slotPixels]),
    slotInputs: ["input"],
    lower: (inputs, entropy, lowering) =>
      lowering.call({ kernel, slots: { input: inputs.input }, bindings: { fields: inputs.fields, entropy } }),
  });
}
