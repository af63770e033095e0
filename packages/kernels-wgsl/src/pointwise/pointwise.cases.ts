import type { ImageShape } from "../contract/kernel.js";

export interface PointwiseCase {
  readonly why: string;
  readonly shape: ImageShape;
}

/** Problems that are checked, also by the family of channel statistics. */
export const pointwiseCases: readonly PointwiseCase[] = [
  { why: "a single element", shape: { batch: 1, channels: 1, height: 1, width: 1 } },
  { why: "one row, odd width", shape: { batch: 1, channels: 3, height: 1, width: 70 } },
  { why: "a workgroup's elements span several samples", shape: { batch: 7, channels: 5, height: 5, width: 9 } },
  { why: "one more element than a workgroup takes", shape: { batch: 1, channels: 2, height: 1, width: 257 } },
  { why: "several workgroups of a channel", shape: { batch: 2, channels: 3, height: 33, width: 31 } },
  { why: "a flat vector", shape: { batch: 1, channels: 1, height: 1, width: 514_217 } },
  {
    why: "more channels than one dimension holds workgroups",
    shape: { batch: 1, channels: 65_600, height: 1, width: 1 },
  },
];
