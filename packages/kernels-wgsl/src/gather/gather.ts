import { ceilDivide, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import gatherSource from "./gather.wgsl.js";

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
