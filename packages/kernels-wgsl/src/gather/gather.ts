import { ceilDivide, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import gatherSource from "./gather.wgsl.js";
import filtersSource from "./gather-filters.wgsl.js";
import halvesSource from "./gather-halves.wgsl.js";

/**
 * Rearranges an array: output[i] = table[i] === 0xffffffff ? 0 : source[table[i]].
 *
 * source [any], table [length] (u32), output [length]. Packs the weights of a whole network in one dispatch.
 */
export const gather = (length: number): Kernel => ({
  name: "gather",
  source: gatherSource,
  launches: [{ sizes: { length }, workgroups: [...foldWorkgroups(ceilDivide(length, 64)), 1] }],
  flops: 0,
  bytes: 12 * length,
});

/**
 * The same with sums of three neighbors, as Winograd's convolution takes the rows of a weight:
 * output[i] = table[i] === 0xffffffff ? 0 : filterSum(source, table[i]), see contract/winograd.ts.
 */
export const gatherFilters = (length: number): Kernel => ({
  ...gather(length),
  name: "gather-filters",
  source: filtersSource,
  flops: 5 * length,
  bytes: 20 * length,
});

/**
 * The same rounded to f16, two neighbors in a word, as matrix units take weights: table [2 · length].
 * output[i] = the bits of source[table[2i]], and above them those of source[table[2i + 1]].
 */
export const gatherHalves = (length: number): Kernel => ({
  ...gather(length),
  name: "gather-halves",
  source: halvesSource,
  bytes: 20 * length,
});
