import { averagePool, type BlockSize, type Image } from "@lobule/tensor";
import { Module } from "../module.js";

/** Mean of each block of pixels. x [n, c, h, w] → [n, c, ⌊h/rows⌋, ⌊w/columns⌋]. */
export class AveragePool2d extends Module {
  constructor(readonly block: BlockSize) {
    super();
  }

  /** @throws ShapeError when x is smaller than a block. */
  forward<C extends number>(x: Image<C>): Image<C> {
    return averagePool(x, this.block);
  }
}
