import { ceilDivide, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import randomFillSource from "./random-fill.wgsl.js";

/** Uniform over [low, high), or normal. */
export type Distribution =
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  | { readonly kind: "normal"; readonly mean: number; readonly deviation: number };

/**
 * Random numbers that depend on the key and the element's place alone.
 *
 * Elements 4i … 4i + 3 come from philox4x32([i, 0, key[2], key[3]], [key[0], key[1]]), `key` (u32) [4] being seed,
 * purpose and two words of the stream. Uniform numbers over [0, 1) are those of the host bit for bit; normal numbers are
 * made by Box and Muller's formula, from each pair of uniform ones.
 */
export const randomFill = (length: number, distribution: Distribution): Kernel => {
  const [normal, offset, scale] =
    distribution.kind === "normal"
      ? [1, distribution.mean, distribution.deviation]
      : [0, distribution.low, distribution.high - distribution.low];
  return {
    name: "random-fill",
    source: randomFillSource,
    launches: [
      { sizes: { length, normal, offset, scale }, workgroups: [...foldWorkgroups(ceilDivide(length, 4 * 64)), 1] },
    ],
    flops: 2 * length,
    bytes: 4 * length,
  };
};
