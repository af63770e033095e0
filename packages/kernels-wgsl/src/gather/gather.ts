import { ceilDivide, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import gatherSource from "./gather.wgsl.js";
import filtersSource from "./gather-filters.wgsl.js";

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
