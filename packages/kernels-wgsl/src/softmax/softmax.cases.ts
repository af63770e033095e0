import type { ImageShape } from "../contract/kernel.js";

export interface SoftmaxCase {
  readonly why: string;
  readonly shape: ImageShape;
  /** Standard deviation of the input. */
  readonly scale: number;
}

/** Problems that are checked. */
export const softmaxCases: readonly SoftmaxCase[] = [
  { why: "one channel: always 1", shape: { batch: 1, channels: 1, height: 3, width: 3 }, scale: 1 },
  { why: "one row", shape: { batch: 2, channels: 3, height: 1, width: 70 }, scale: 3 },
  { why: "many channels", shape: { batch: 1, channels: 37, height: 4, width: 3 }, scale: 2 },
  { why: "inputs of size 100", shape: { batch: 2, channels: 3, height: 7, width: 9 }, scale: 100 },
  { why: "inputs of size 10,000", shape: { batch: 2, channels: 5, height: 7, width: 9 }, scale: 10_000 },
];
