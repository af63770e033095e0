/** Problems that are checked. */
export const averageCases: readonly { readonly why: string; readonly length: number; readonly share: number }[] = [
  { why: "a single value", length: 1, share: 0.5 },
  { why: "length that no workgroup divides", length: 10_007, share: 0.01 },
  { why: "nothing of the present values", length: 131, share: 0 },
  { why: "nothing of the values before", length: 131, share: 1 },
];
