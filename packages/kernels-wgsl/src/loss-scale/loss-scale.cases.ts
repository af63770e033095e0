/** Lengths of gradients that are searched, and where the overflow is. */
export const findOverflowCases: readonly { readonly why: string; readonly length: number; readonly at: number }[] = [
  { why: "a single gradient", length: 1, at: 0 },
  { why: "the last of a length that no workgroup divides", length: 10_007, at: 10_006 },
  { why: "the first of many workgroups", length: 514_217, at: 0 },
  { why: "the last of many workgroups", length: 514_217, at: 514_216 },
];
