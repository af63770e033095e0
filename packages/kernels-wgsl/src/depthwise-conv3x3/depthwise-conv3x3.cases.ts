import type { ImageShape } from "../contract/kernel.js";

/** Problems that are checked. */
export const depthwiseConv3x3Cases: readonly { readonly why: string; readonly shape: ImageShape }[] = [
  { why: "a single pixel: eight of nine taps are outside", shape: { batch: 1, channels: 1, height: 1, width: 1 } },
  { why: "one row", shape: { batch: 2, channels: 3, height: 1, width: 9 } },
  { why: "one column", shape: { batch: 1, channels: 3, height: 6, width: 1 } },
  { why: "no size divides a tile", shape: { batch: 3, channels: 5, height: 7, width: 13 } },
  { why: "sizes that fill every tile", shape: { batch: 2, channels: 8, height: 16, width: 16 } },
  { why: "a workgroup holds columns of several images", shape: { batch: 5, channels: 2, height: 3, width: 3 } },
  {
    why: "several workgroups of a channel, several partial sums",
    shape: { batch: 2, channels: 3, height: 37, width: 21 },
  },
];
