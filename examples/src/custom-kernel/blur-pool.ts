/**
 * An operation with kernels of its own: a pooling that halves the sides without aliasing. Its transpose is, but for a
 * factor, bilinear up-sampling, so the gradient needs no second kernel. Source: Zhang 2019, "Making convolutional
 * networks shift-invariant again".
 */

import {
  applyKernel,
  asImage,
  ceilDivide,
  f32,
  foldWorkgroups,
  type Image,
  imageSize,
  type Kernel,
  printShape,
  ShapeError,
  scale,
  upsampleBilinear2x,
} from "@lobule/tensor";
import source from "./blur-pool.wgsl.js";

/** x [n, c, h, w] → [n, c, h/2, w/2]. @throws ShapeError when a side is odd. */
export function blurPool<C extends number>(x: Image<C>): Image<C> {
  const shape = asImage(x.shape);
  const { batch, height, width } = shape;
  if (height % 2 !== 0 || width % 2 !== 0) throw new ShapeError(`blurPool: a side of ${printShape(x.shape)} is odd`);
  const kernel: Kernel = {
    name: "blur-pool",
    source,
    launches: [{ sizes: { ...shape }, workgroups: [...foldWorkgroups(ceilDivide(imageSize(shape) / 4, 64)), 1] }],
    flops: 9 * imageSize(shape),
    bytes: 5 * imageSize(shape),
  };
  return applyKernel({
    name: "blur-pool",
    inputs: { input: x },
    output: f32([batch, x.shape[1], height / 2, width / 2]),
    // What makes x may be inlined into the load, and what follows be fused into the store.
    slotInputs: ["input"],
    store: "store",
    lower: ({ input }, output, lowering) => lowering.call({ kernel, slots: { input }, output }),
    gradient: (gradOutput) => ({ input: scale(upsampleBilinear2x(gradOutput), 1 / 4) }),
  });
}
