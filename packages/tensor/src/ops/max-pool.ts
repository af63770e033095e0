import { maxPool2x2Grad, maxPool2x2 as maxPool2x2Kernel } from "@lobule/kernels-wgsl";
import { applyOne, type Image, type Tensor } from "../graph/tensor.js";
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
  return applyOne(
    {
      kind: "kernel",
      name: "max-pool2x2",
      pools: true,
      slotInputs: [0],
      store: "store",
      repeatable: { flops: sizeOf(x.shape) },
      lower: (lowering, [input], [output]) =>
        lowering.call({
          kernel: maxPool2x2Kernel(image),
          slots: { input: input as Tensor },
          bindings: {},
          output: output as Tensor,
        }),
      gradient: ([g]) => [
        g &&
          applyOne(
            {
              kind: "kernel",
              name: "max-pool2x2-grad",
              slotInputs: [0, 1],
              store: "statistics",
              lower: (lowering, [input, gradOutput], [output]) =>
                lowering.call({
                  kernel: maxPool2x2Grad(image),
                  slots: { input: input as Tensor, gradOutput: gradOutput as Tensor },
                  bindings: {},
                  output: output as Tensor,
                }),
            },
            [x, g],
            x.shape,
          ),
      ],
    },
    [x],
    [image.batch, image.channels, Math.floor(image.height / 2), Math.floor(image.width / 2)] as const,
  ) as Image<C>;
}
