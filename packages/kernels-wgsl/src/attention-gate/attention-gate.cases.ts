import type { ImageShape } from "../contract/kernel.js";

export interface AttentionGateCase {
  readonly why: string;
  /** Extents of skip and gating. */
  readonly shape: ImageShape;
  readonly inter: number;
}

/** Problems that are checked. */
export const attentionGateCases: readonly AttentionGateCase[] = [
  { why: "a single pixel and channel", shape: { batch: 1, channels: 1, height: 1, width: 1 }, inter: 1 },
  { why: "one row", shape: { batch: 1, channels: 3, height: 1, width: 70 }, inter: 1 },
  { why: "a workgroup's pixels span samples", shape: { batch: 3, channels: 5, height: 5, width: 9 }, inter: 2 },
  { why: "one full block of intermediate channels", shape: { batch: 1, channels: 4, height: 3, width: 7 }, inter: 8 },
  { why: "one channel more than a block", shape: { batch: 2, channels: 3, height: 5, width: 13 }, inter: 9 },
  { why: "several blocks, the last of one channel", shape: { batch: 1, channels: 2, height: 3, width: 3 }, inter: 17 },
  { why: "a single quad, half a block", shape: { batch: 1, channels: 2, height: 1, width: 4 }, inter: 4 },
  {
    why: "quads of several workgroups, an odd count of rows, one block of intermediate channels",
    shape: { batch: 2, channels: 3, height: 23, width: 12 },
    inter: 5,
  },
  {
    why: "quads, one channel more than a block of either",
    shape: { batch: 2, channels: 9, height: 5, width: 12 },
    inter: 9,
  },
  {
    why: "one channel more than a block of skip's",
    shape: { batch: 2, channels: 9, height: 3, width: 7 },
    inter: 3,
  },
];
