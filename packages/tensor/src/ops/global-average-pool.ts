import type { Image } from "../graph/tensor.js";
import { asImage } from "../shape.js";
import { scale } from "./pointwise.js";
import { sumToShape } from "./sum.js";

/** Mean over the pixels of each channel of each sample. x [n, c, h, w] → [n, c, 1, 1]. */
export function globalAveragePool<C extends number>(x: Image<C>): Image<C> {
  const { batch, height, width } = asImage(x.shape);
  return scale(sumToShape(x, [batch, x.shape[1], 1, 1]), 1 / (height * width)) as Image<C>;
}
