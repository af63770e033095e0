import { type Image, maxPool2x2 } from "@lobule/tensor";
import { Module } from "../module.js";

/**
 * Maximum of each 2×2 window. x [n, c, h, w] → [n, c, ⌊h/2⌋, ⌊w/2⌋]; an odd last row or column is dropped.
 */
export class MaxPool2d extends Module {
  /** @throws ShapeError when h or w is below 2. */
  forward<C extends number>(x: Image<C>): Image<C> {
    return maxPool2x2(x);
  }
}
