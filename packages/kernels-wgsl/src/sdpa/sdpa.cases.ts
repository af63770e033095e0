import type { AttentionProblem } from "./sdpa.js";

export interface AttentionCase {
  readonly why: string;
  readonly problem: AttentionProblem;
  /** Standard deviation of queries and keys. */
  readonly scale: number;
}

const sizes = (batch: number, heads: number, queries: number, keys: number, depth: number, valueDepth: number) => ({
  batch,
  heads,
  queries,
  keys,
  depth,
  valueDepth,
});

/** Problems that are checked. */
export const attentionCases: readonly AttentionCase[] = [
  { why: "a single key: attention is 1", problem: sizes(1, 1, 1, 1, 1, 1), scale: 1 },
  { why: "all sizes differ", problem: sizes(2, 3, 9, 7, 3, 5), scale: 1 },
  { why: "more keys than lanes", problem: sizes(1, 2, 5, 131, 4, 3), scale: 1 },
  { why: "more value channels than lanes", problem: sizes(1, 1, 3, 6, 4, 70), scale: 1 },
  { why: "one key takes nearly all", problem: sizes(1, 1, 9, 9, 16, 16), scale: 6 },
  { why: "more keys than are kept", problem: sizes(1, 1, 2, 2100, 2, 2), scale: 1 },
];
