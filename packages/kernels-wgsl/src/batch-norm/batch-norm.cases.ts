import type { ImageShape } from "../contract/kernel.js";

export interface BatchNormCase {
  readonly why: string;
  readonly shape: ImageShape;
  /** Of the input's values. */
  readonly mean: number;
  readonly deviation: number;
  readonly epsilon: number;
  /** Invocations of a workgroup that merges a channel, where the number of workgroups is what is tested. */
  readonly lanes?: number;
}

const usual = { mean: 0.3, deviation: 1, epsilon: 1e-5 };

/** Problems that are checked. */
export const batchNormCases: readonly BatchNormCase[] = [
  { why: "one channel, one row", shape: { batch: 1, channels: 1, height: 1, width: 70 }, ...usual },
  { why: "odd extents", shape: { batch: 2, channels: 3, height: 5, width: 7 }, ...usual },
  { why: "more channels than lanes", shape: { batch: 2, channels: 130, height: 2, width: 2 }, ...usual },
  { why: "mean 20 deviations", shape: { batch: 2, channels: 5, height: 9, width: 11 }, ...usual, mean: 20 },
  { why: "variance 1e-6", shape: { batch: 2, channels: 5, height: 9, width: 11 }, ...usual, mean: 0, deviation: 1e-3 },
  {
    why: "variance 1e-6, mean 20 deviations",
    shape: { batch: 2, channels: 5, height: 9, width: 11 },
    mean: 0.02,
    deviation: 1e-3,
    epsilon: 1e-5,
  },
  {
    why: "constant channels, 95 √ε from zero",
    shape: { batch: 2, channels: 2, height: 3, width: 5 },
    mean: 0.3,
    deviation: 0,
    epsilon: 1e-5,
  },
  {
    why: "constant channels, 20 √ε from zero",
    shape: { batch: 2, channels: 2, height: 3, width: 5 },
    mean: 0.0632,
    deviation: 0,
    epsilon: 1e-5,
  },
  { why: "two values a channel", shape: { batch: 2, channels: 3, height: 1, width: 1 }, ...usual },
  {
    why: "two values a channel, large ε",
    shape: { batch: 1, channels: 3, height: 1, width: 2 },
    ...usual,
    epsilon: 0.1,
  },
  { why: "one value a channel", shape: { batch: 1, channels: 3, height: 1, width: 1 }, ...usual },
  { why: "more partials than lanes", shape: { batch: 2, channels: 2, height: 100, width: 83 }, ...usual },
  {
    why: "more channels than one dimension holds workgroups",
    shape: { batch: 4, channels: 65_600, height: 1, width: 1 },
    ...usual,
    lanes: 4,
  },
];
