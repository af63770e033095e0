import type { ImageShape } from "../contract/kernel.js";

/** Problems that are checked. */
export const overlapCountsCases: readonly { readonly why: string; readonly shape: ImageShape }[] = [
  { why: "one pixel, one class", shape: { batch: 1, channels: 1, height: 1, width: 1 } },
  { why: "odd extents", shape: { batch: 3, channels: 3, height: 7, width: 13 } },
  { why: "several chunks, the last one part full", shape: { batch: 2, channels: 3, height: 97, width: 131 } },
  { why: "as many classes as there can be", shape: { batch: 1, channels: 16, height: 9, width: 70 } },
];
