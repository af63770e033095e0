import { softmaxGrad, softmax as softmaxKernel } from "@lobule/kernels-wgsl";
import { f32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Image } from "../graph/tensor.js";
import { asImage } from "../shape.js";

/** Softmax over channels, shifted by the maximum: e^(x_c − m) / Σ_k e^(x_k − m). x [n, c, h, w] → [n, c, h, w]. */
export function softmaxChannels<C extends number>(x: Image<C>): Image<C> {
  const shape = asImage(x.shape);
  return applyKernel({
    name: "softmax",
    inputs: { input: x },
    output: f32(x.shape),
    lower: ({ input }, output, lowering) =>
      lowering.call({ kernel: softmaxKernel(shape), bindings: { input, output } }),
    gradient: (gradOutput, _, output) => ({ input: softmaxGradient(output, gradOutput) }),
  });
}

function softmaxGradient<C extends number>(output: Image<C>, gradOutput: Image<C>): Image<C> {
  const kernel = softmaxGrad(asImage(output.shape));
  return applyKernel({
    name: "softmax-grad",
    inputs: { output, gradOutput },
    output: f32(output.shape),
    lower: (inputs, gradInput, lowering) => lowering.call({ kernel, bindings: { ...inputs, gradInput } }),
  });
}
