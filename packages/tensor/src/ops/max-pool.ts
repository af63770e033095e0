import {
  maxPool2x2Grad,
  maxPool2x2GradByQuads,
  maxPool2x2 as maxPool2x2Kernel,
  poolsByQuads,
} from "@lobule/kernels-wgsl";
import { f32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Image } from "../graph/tensor.js";
import { asImage, printShape, ShapeError, sizeOf } from "../shape.js";

/**
 * Maximum of each 2×2 window. x [n, c, h, w] → [n, c, ⌊h/2⌋, ⌊w/2⌋]; an odd last row or column is dropped. Among equal
 * values the first in row-major order takes the gradient, as in PyTorch.
 * @throws ShapeError when h or w is below 2.
 */
export function maxPool2x2<C extends number>(x: Image<C>): Image<C> {
  const image = asImage(x.shape);
  if (image.height < 2 || image.width < 2) {
    throw new ShapeError(`maxPool2x2: x ${printShape(x.shape)} is smaller than a 2×2 window`);
  }
  const { batch, height, width } = image;
  const kernel = maxPool2x2Kernel(image);
  return applyKernel({
    name: "max-pool2x2",
    inputs: { input: x },
    output: f32([batch, x.shape[1], Math.floor(height / 2), Math.floor(width / 2)]),
    pools: true,
    slotInputs: ["input"],
    store: "store",
    repeatable: { flops: sizeOf(x.shape) },
    lower: ({ input }, output, lowering) => lowering.call({ kernel, slots: { input }, output }),
    gradient: (gradOutput, { input }) => ({ input: maxPoolGradient(input, gradOutput) }),
  });
}

function maxPoolGradient<C extends number>(input: Image<C>, gradOutput: Image<C>): Image<C> {
  const image = asImage(input.shape);
  return applyKernel({
    name: "max-pool2x2-grad",
    inputs: { input, gradOutput },
    output: f32(input.shape),
    slotInputs: ["input", "gradOutput"],
    store: "statistics",
    lower: (slots, output, lowering) => {
      const byQuads = lowering.reduction() === "parallel" && poolsByQuads(image);
      lowering.call({ kernel: byQuads ? maxPool2x2GradByQuads(image) : maxPool2x2Grad(image), slots, output });
    },
  });
}
