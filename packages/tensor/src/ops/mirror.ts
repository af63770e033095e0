import { mirror as mirrorKernel } from "@lobule/kernels-wgsl";
import { f32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Image } from "../graph/tensor.js";
import { asImage } from "../shape.js";

/** The image with its columns (x), its rows (y) or both in reverse order. x [n, c, h, w] → [n, c, h, w]. */
export function mirror<C extends number>(x: Image<C>, axes: { readonly x: boolean; readonly y: boolean }): Image<C> {
  const kernel = mirrorKernel(asImage(x.shape), axes);
  return applyKernel({
    name: "mirror",
    key: JSON.stringify([axes.x, axes.y]),
    inputs: { input: x },
    output: f32(x.shape),
    slotInputs: ["input"],
    store: "store",
    lower: ({ input }, output, lowering) => lowering.call({ kernel, slots: { input }, output }),
    gradient: (gradOutput) => ({ input: mirror(gradOutput, axes) }),
  });
}
