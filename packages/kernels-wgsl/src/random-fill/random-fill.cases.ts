import type { Words4 } from "./philox.js";
import type { Distribution } from "./random-fill.js";

export interface RandomFillCase {
  readonly why: string;
  readonly length: number;
  readonly distribution: Distribution;
  readonly key: Words4;
}

/** Problems that are checked. */
export const randomFillCases: readonly RandomFillCase[] = [
  { why: "one number", length: 1, distribution: { kind: "uniform", low: 0, high: 1 }, key: [0, 0, 0, 0] },
  {
    why: "length not divisible by 4",
    length: 4099,
    distribution: { kind: "uniform", low: 0, high: 1 },
    key: [7, 1, 2, 3],
  },
  { why: "a range", length: 1027, distribution: { kind: "uniform", low: -3, high: 0.5 }, key: [0xffff_ffff, 9, 8, 7] },
  { why: "normal", length: 50_001, distribution: { kind: "normal", mean: 0, deviation: 1 }, key: [1, 2, 3, 4] },
  {
    why: "normal, shifted",
    length: 6,
    distribution: { kind: "normal", mean: 5, deviation: 0.1 },
    key: [1, 2, 3, 0xdead_beef],
  },
];
