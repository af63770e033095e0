import { constant } from "../graph/apply.js";
import type { Image } from "../graph/tensor.js";
import { asImage, printShape, ShapeError } from "../shape.js";
import { reshape } from "./channels.js";
import { conv2d, convTranspose2d } from "./conv2d.js";

/** Rows and columns of a block of pixels. */
export type BlockSize = readonly [rows: number, columns: number];

/**
 * Means of blocks that lie side by side; an incomplete last row or column of blocks is dropped. x [n, c, h, w] →
 * [n, c, ⌊h/rows⌋, ⌊w/columns⌋], as PyTorch's avg_pool2d.
 * @throws ShapeError when x is smaller than a block.
 */
export function averagePool<C extends number>(x: Image<C>, block: BlockSize): Image<C> {
  const { batch, height, width } = asImage(x.shape);
  const [rows, columns] = block;
  if (height < rows || width < columns) {
    throw new ShapeError(`averagePool: x ${printShape(x.shape)} is smaller than a block of ${rows}×${columns}`);
  }
  const pooled = conv2d(asPlanes(x), kernelOf(block, 1 / (rows * columns)), { stride: block });
  return reshape(pooled, [batch, x.shape[1], pooled.shape[2], pooled.shape[3]]);
}

/** Each pixel as a block of its value. x [n, c, h, w] → [n, c, rows·h, columns·w]. */
export function repeatPixels<C extends number>(x: Image<C>, block: BlockSize): Image<C> {
  const { batch } = asImage(x.shape);
  const repeated = convTranspose2d(asPlanes(x), kernelOf(block, 1), { stride: block });
  return reshape(repeated, [batch, x.shape[1], repeated.shape[2], repeated.shape[3]]);
}

/** Every channel as an image of its own, so that one kernel meets each of them. */
function asPlanes(x: Image): Image<1> {
  const { batch, channels, height, width } = asImage(x.shape);
  return reshape(x, [batch * channels, 1, height, width]);
}

const kernelOf = ([rows, columns]: BlockSize, value: number) =>
  constant(new Float32Array(rows * columns).fill(value), [1, 1, rows, columns]);
