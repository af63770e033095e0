/**
 * An operation with kernels of its own: a pooling that halves the sides without aliasing. Its transpose is, but for a
 * factor, bilinear up-sampling, so the gradient needs no second kernel. Source: Zhang 2019, "Making convolutional
 * networks shift-invariant again".
 */

import {
  applyOne,
  asImage,
  ceilDivide,
  foldWorkgroups,
  type Image,
  imageSize,
  type Kernel,
  printShape,
  ShapeError,
  scale,
  type Tensor,
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
  return applyOne(
    {
      kind: "kernel",
      name: "blur-pool",
      // What makes x may be pasted into the load, and what follows into the store.
      slotInputs: [0],
      store: "store",
      lower: (lowering, [input], [output]) =>
        lowering.call({ kernel, slots: { input: input as Tensor }, bindings: {}, output: output as Tensor }),
      gradient: ([g]) => [g && scale(upsampleBilinear2x(g as Image), 1 / 4)],
    },
    [x],
    [batch, x.shape[1], height / 2, width / 2] as const,
  );
}
