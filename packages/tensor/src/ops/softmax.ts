import { softmaxGrad, softmax as softmaxKernel } from "@lobule/kernels-wgsl";
import { applyOne, type Image, type Tensor } from "../graph/tensor.js";
import { asImage } from "../shape.js";

/** Softmax over channels, shifted by the maximum: e^(x_c − m) / Σ_k e^(x_k − m). x [n, c, h, w] → [n, c, h, w]. */
export function softmaxChannels<C extends number>(x: Image<C>): Image<C> {
  const shape = asImage(x.shape);
  const y: Image<C> = applyOne(
    {
      kind: "kernel",
      name: "softmax",
      lower: (lowering, [input], [output]) =>
        lowering.call({ kernel: softmaxKernel(shape), bindings: { input: input as Tensor, output: output as Tensor } }),
      gradient: ([g]) => [
        g &&
          applyOne(
            {
              kind: "kernel",
              name: "softmax-grad",
              lower: (lowering, [output, gradOutput], [gradInput]) =>
                lowering.call({
                  kernel: softmaxGrad(shape),
                  bindings: {
                    output: output as Tensor,
                    gradOutput: gradOutput as Tensor,
                    gradInput: gradInput as Tensor,
                  },
                }),
            },
            [y, g],
            x.shape,
          ),
      ],
    },
    [x],
    x.shape,
  );
  return y;
}
