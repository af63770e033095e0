import type { ImageShape } from "../contract/kernel.js";

export interface MaxPoolCase {
  readonly why: string;
  /** Extents of the input. */
  readonly shape: ImageShape;
  /** Whether the input takes few values, so that most windows have a tie. */
  readonly ties: boolean;
}

/** Problems that are checked. */
export const maxPoolCases: readonly MaxPoolCase[] = [
  { why: "a single window", shape: { batch: 1, channels: 1, height: 2, width: 2 }, ties: false },
  { why: "odd height", shape: { batch: 1, channels: 3, height: 5, width: 8 }, ties: false },
  { why: "odd width", shape: { batch: 2, channels: 1, height: 2, width: 71 }, ties: false },
  { why: "both odd, samples share a workgroup", shape: { batch: 5, channels: 5, height: 7, width: 9 }, ties: false },
  { why: "ties", shape: { batch: 2, channels: 3, height: 15, width: 33 }, ties: true },
  { why: "several workgroups of a channel", shape: { batch: 2, channels: 3, height: 34, width: 62 }, ties: true },
  {
    why: "more channels than one dimension holds workgroups",
    shape: { batch: 1, channels: 65_600, height: 2, width: 2 },
    ties: false,
  },
];
