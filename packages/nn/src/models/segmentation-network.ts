import type { Image } from "@lobule/tensor";
import type { Module } from "../module.js";
import type { ForwardOptions } from "./unet.js";

/** What can be trained to label slices. */
export interface SegmentationNetwork extends Module {
  /** Height and width of the image must be multiples of this; 1 where it is missing. */
  readonly divisor?: number;
  /** x [n, slices, h, w] → logits [n, classes, h, w]. */
  forward(x: Image, options?: ForwardOptions): Image;
  /** The logits, and coarser ones that the loss takes in too; `forward`'s alone where it is missing. */
  forwardAll?(x: Image, options?: ForwardOptions): readonly [Image, ...Image[]];
}
