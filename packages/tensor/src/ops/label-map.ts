import { labelMap as labelMapKernel, wordsPerField } from "@lobule/kernels-wgsl";
import { apply, type Image, type Tensor } from "../graph/tensor.js";
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
  const [labels] = apply(
    {
      kind: "kernel",
      name: "label-map",
      key: String(slotPixels),
      slotInputs: [0],
      lower: (lowering, [source, words], [output]) =>
        lowering.call({
          kernel: labelMapKernel(shape, slotPixels),
          slots: { scores: source as Tensor },
          bindings: { fields: words as Tensor, labels: output as Tensor },
        }),
    },
    [scores, fields],
    [{ shape: [(shape.batch * slotPixels) / 4], dtype: "u32" }],
  );
  return labels as Tensor<readonly [number], "u32">;
}
