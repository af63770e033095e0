import type { ImageShape } from "../contract/kernel.js";

/** Problems that are checked; extents of the input. */
export const upsampleCases: readonly { readonly why: string; readonly shape: ImageShape }[] = [
  { why: "one pixel: all its outputs are it", shape: { batch: 1, channels: 1, height: 1, width: 1 } },
  { why: "one row, odd", shape: { batch: 2, channels: 1, height: 1, width: 7 } },
  { why: "one column", shape: { batch: 1, channels: 3, height: 5, width: 1 } },
  { why: "odd extents, several workgroups", shape: { batch: 2, channels: 3, height: 5, width: 33 } },
];
