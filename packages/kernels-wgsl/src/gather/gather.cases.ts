/** Problems that are checked. */
export const gatherCases: readonly { readonly why: string; readonly source: number; readonly length: number }[] = [
  { why: "a single element", source: 1, length: 1 },
  { why: "one more than a workgroup", source: 10, length: 65 },
  { why: "the weights of a network", source: 514_217, length: 600_003 },
  { why: "more workgroups than one dimension holds", source: 1000, length: 64 * 65_535 + 77 },
];
