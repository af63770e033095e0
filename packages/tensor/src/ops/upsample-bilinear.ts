import { upsampleBilinear2xGrad, upsampleBilinear2x as upsampleKernel } from "@lobule/kernels-wgsl";
import { applyOne, type Image, type Tensor } from "../graph/tensor.js";
import { asImage } from "../shape.js";

/**
 * Bilinear interpolation to twice the height and width. x [n, c, h, w] → [n, c, 2h, 2w].
 *
 * As PyTorch's interpolate(scale_factor = 2, mode = "bilinear", align_corners = False).
 */
export function upsampleBilinear2x<C extends number>(x: Image<C>): Image<C> {
  const shape = asImage(x.shape);
  const { batch, height, width } = shape;
  return applyOne(
    {
      kind: "kernel",
      name: "upsample-bilinear2x",
      slotInputs: [0],
      store: "store",
      repeatable: { flops: upsampleKernel(shape).flops },
      lower: (lowering, [input], [output]) =>
        lowering.call({
          kernel: upsampleKernel(shape),
          slots: { input: input as Tensor },
          bindings: {},
          output: output as Tensor,
        }),
      gradient: ([g]) => [
        g &&
          applyOne(
            {
              kind: "kernel",
              name: "upsample-bilinear2x-grad",
              slotInputs: [0],
              store: "store",
              lower: (lowering, [gradOutput], [output]) =>
                lowering.call({
                  kernel: upsampleBilinear2xGrad(shape),
                  slots: { gradOutput: gradOutput as Tensor },
                  bindings: {},
                  output: output as Tensor,
                }),
            },
            [g],
            x.shape,
          ),
      ],
    },
    [x],
    [batch, x.shape[1], 2 * height, 2 * width] as const,
  );
}
