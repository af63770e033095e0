import { overlapCounts as overlapKernels } from "@lobule/kernels-wgsl";
import { apply, type Image, type Tensor } from "../graph/tensor.js";
import { asImage, printShape, ShapeError } from "../shape.js";

/**
 * Pixels by sample and class, u32 [n, c, 3]: where prediction and target agree, in the prediction, in the target. What
 * is predicted is the class of the largest logit. logits [n, c, h, w], target [n, h, w]. Has no gradient.
 * @throws ShapeError when the shapes differ; RangeError for more than 16 classes.
 */
export function overlapCounts<C extends number>(
  logits: Image<C>,
  target: Tensor<readonly [n: number, h: number, w: number], "u32">,
): Tensor<readonly [n: number, c: C, 3], "u32"> {
  const shape = asImage(logits.shape);
  const { batch, channels, height, width } = shape;
  if (printShape(target.shape) !== printShape([batch, height, width])) {
    throw new ShapeError(
      `overlapCounts: logits are ${printShape(logits.shape)}, so the target must be ${printShape([batch, height, width])}, got ${printShape(target.shape)}`,
    );
  }
  const kernels = overlapKernels(shape);
  const [counts] = apply(
    {
      kind: "kernel",
      name: "overlap-counts",
      slotInputs: [0],
      lower: (lowering, [scores, labels], [output]) => {
        const partials = lowering.scratch([kernels.partials], "u32");
        lowering.call({
          kernel: kernels.count,
          slots: { logits: scores as Tensor },
          bindings: { labels: labels as Tensor, partials },
        });
        lowering.call({ kernel: kernels.finish, bindings: { partials, counts: output as Tensor } });
      },
    },
    [logits, target],
    [{ shape: [batch, channels, 3], dtype: "u32" }],
  );
  return counts as Tensor<readonly [n: number, c: C, 3], "u32">;
}
