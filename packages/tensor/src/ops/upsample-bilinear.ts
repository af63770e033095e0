import { upsampleBilinear2xGrad, upsampleBilinear2x as upsampleKernel } from "@lobule/kernels-wgsl";
import { f32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Image } from "../graph/tensor.js";
import { asImage } from "../shape.js";

/**
 * Bilinear interpolation to twice the height and width. x [n, c, h, w] → [n, c, 2h, 2w].
 *
 * As PyTorch's interpolate(scale_factor = 2, mode = "bilinear", align_corners = False).
 */
export function upsampleBilinear2x<C extends number>(x: Image<C>): Image<C> {
  const { batch, height, width } = asImage(x.shape);
  const kernel = upsampleKernel(asImage(x.shape));
  return applyKernel({
    name: "upsample-bilinear2x",
    inputs: { input: x },
    output: f32([batch, x.shape[1], 2 * height, 2 * width]),
    slotInputs: ["input"],
    store: "store",
    repeatable: { flops: kernel.flops },
    lower: ({ input }, output, lowering) => lowering.call({ kernel, slots: { input }, output }),
    gradient: (gradOutput, { input }) => ({ input: upsampleGradient(gradOutput, input.shape) }),
  });
}

function upsampleGradient<C extends number>(gradOutput: Image<C>, shape: Image<C>["shape"]): Image<C> {
  const kernel = upsampleBilinear2xGrad(asImage(shape));
  return applyKernel({
    name: "upsample-bilinear2x-grad",
    inputs: { gradOutput },
    output: f32(shape),
    slotInputs: ["gradOutput"],
    store: "store",
    lower: (slots, output, lowering) => lowering.call({ kernel, slots, output }),
  });
}
