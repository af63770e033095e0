/** Problems that are checked: gradients in arrays of these lengths. */
export const clipNormCases: readonly {
  readonly why: string;
  readonly lengths: readonly number[];
  readonly maxNorm: number;
}[] = [
  { why: "a single gradient", lengths: [1], maxNorm: 0.1 },
  { why: "a norm below the largest that is allowed", lengths: [131], maxNorm: 1000 },
  { why: "several segments, the last one short", lengths: [10_007], maxNorm: 3 },
  { why: "two arrays", lengths: [1030, 64], maxNorm: 0.5 },
  { why: "longer segments, more of them than the last stage has lanes", lengths: [2_100_001], maxNorm: 1 },
];
