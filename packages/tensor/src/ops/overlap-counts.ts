import { overlapCounts as overlapKernels } from "@lobule/kernels-wgsl";
import { u32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Image, Tensor } from "../graph/tensor.js";
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
  const { batch, height, width } = shape;
  if (printShape(target.shape) !== printShape([batch, height, width])) {
    throw new ShapeError(
      `overlapCounts: logits are ${printShape(logits.shape)}, so the target must be ${printShape([batch, height, width])}, got ${printShape(target.shape)}`,
    );
  }
  const kernels = overlapKernels(shape);
  return applyKernel({
    name: "overlap-counts",
    inputs: { logits, labels: target },
    output: u32([batch, logits.shape[1], 3]),
    slotInputs: ["logits"],
    lower: (inputs, counts, lowering) => {
      const { logits: scores, labels } = inputs;
      const partials = lowering.scratch([kernels.partials], "u32");
      lowering.call({ kernel: kernels.count, slots: { logits: scores }, bindings: { labels, partials } });
      lowering.call({ kernel: kernels.finish, bindings: { partials, counts } });
    },
  });
}
