import { ceilDivide, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import source from "./accumulate.wgsl.js";

/**
 * accumulated ← (shares[0] ≠ 0 ? accumulated : 0) + shares[1]·gradients, over flat buffers of `length` f32: the gradient
 * of a batch that is run in parts. Source: PyTorch's "gradient accumulation".
 */
export function accumulate(length: number): Kernel {
  return {
    name: "accumulate",
    source,
    launches: [{ sizes: { length }, workgroups: [...foldWorkgroups(ceilDivide(length, 64)), 1] }],
    flops: 2 * length,
    bytes: 12 * length,
  };
}
