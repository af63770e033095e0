/** Problems that are checked. */
export const accumulateCases: readonly { readonly why: string; readonly length: number; readonly share: number }[] = [
  { why: "a single parameter", length: 1, share: 1 },
  { why: "length that no workgroup divides", length: 10_007, share: 0.25 },
  { why: "an uneven last part", length: 131, share: 3 / 32 },
];
