import { ceilDivide, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import source from "./average.wgsl.js";

/**
 * averages ← averages + share·(values − averages), over flat buffers of `length` f32, in place; with a share of 1 − d it
 * is d·averages + (1 − d)·values. Source: Polyak and Juditsky 1992; Tarvainen and Valpola 2017.
 */
export function average(length: number): Kernel {
  return {
    name: "average",
    source,
    launches: [{ sizes: { length }, workgroups: [...foldWorkgroups(ceilDivide(length, 64)), 1] }],
    flops: 3 * length,
    bytes: 12 * length,
  };
}
