import { mirror as mirrorKernel } from "@lobule/kernels-wgsl";
import { applyOne, type Image, type Tensor } from "../graph/tensor.js";
import { asImage } from "../shape.js";

/** The image with its columns (x), its rows (y) or both in reverse order. x [n, c, h, w] → [n, c, h, w]. */
export function mirror<C extends number>(x: Image<C>, axes: { readonly x: boolean; readonly y: boolean }): Image<C> {
  const shape = asImage(x.shape);
  return applyOne(
    {
      kind: "kernel",
      name: "mirror",
      key: JSON.stringify([axes.x, axes.y]),
      slotInputs: [0],
      store: "store",
      lower: (lowering, [input], [output]) =>
        lowering.call({
          kernel: mirrorKernel(shape, axes),
          slots: { input: input as Tensor },
          bindings: {},
          output: output as Tensor,
        }),
      gradient: ([g]) => [g && mirror(g as Image, axes)],
    },
    [x],
    x.shape,
  );
}
