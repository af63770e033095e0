import type { ImageShape } from "../contract/kernel.js";

/** Problems that are checked, each in every direction. */
export const mirrorCases: readonly { readonly why: string; readonly shape: ImageShape }[] = [
  { why: "one pixel", shape: { batch: 1, channels: 1, height: 1, width: 1 } },
  { why: "one row, odd", shape: { batch: 2, channels: 1, height: 1, width: 7 } },
  { why: "odd extents", shape: { batch: 2, channels: 3, height: 5, width: 67 } },
];
