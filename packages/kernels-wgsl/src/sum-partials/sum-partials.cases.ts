import type { PartialSum } from "./sum-partials.js";

const rows = (partialOffset: number, outputOffset: number, length: number, count: number): PartialSum => ({
  partialOffset,
  outputOffset,
  length,
  count,
  partialStride: length,
  elementStride: 1,
});

/** Problems that are checked. */
export const sumPartialsCases: readonly { readonly why: string; readonly segments: readonly PartialSum[] }[] = [
  { why: "a single number", segments: [rows(0, 0, 1, 1)] },
  { why: "a long weight gradient, few partial sums", segments: [rows(0, 0, 147_456, 4)] },
  { why: "few channels, many partial sums", segments: [rows(0, 0, 8, 16_000)] },
  { why: "no terms: zero", segments: [rows(0, 0, 5, 0)] },
  {
    why: "one column of vec4f statistics",
    segments: [{ partialOffset: 1, partialStride: 12, elementStride: 4, outputOffset: 0, length: 3, count: 1037 }],
  },
  {
    why: "several segments of every kind, with gaps in the output",
    segments: [rows(3, 0, 300, 7), rows(2103, 310, 1, 5000), rows(7103, 320, 65, 33), rows(100, 400, 257, 64)],
  },
];
