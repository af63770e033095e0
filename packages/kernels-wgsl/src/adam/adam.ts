import { ceilDivide, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import { withConstant } from "../transforms/wgsl-text.js";
import source from "./adam.wgsl.js";

/**
 * One step of Adam over flat buffers of `length` f32, padded to a multiple of four: parameters, firstMoment and secondMoment
 * are updated in place.
 *
 * `hyper`, eight numbers: learningRate, 1 − β₁, 1 − β₂, epsilon, weightDecay (added to the gradient), 1 − β₁ᵗ, √(1 − β₂ᵗ),
 * decoupledWeightDecay. With `scaled`, [10]: also the factor of the gradients, and 0 where the step is skipped and every
 * bit stays as it is (see the kernel loss-scale).
 *
 * Source: Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019 for the decoupled decay; PyTorch's order of
 * operations.
 */
export function adam(length: number, scaled = false): Kernel {
  return {
    name: "adam",
    source: scaled ? withConstant(source, "SCALED", true) : source,
    launches: [
      { sizes: { quads: ceilDivide(length, 4) }, workgroups: [...foldWorkgroups(ceilDivide(length, 256)), 1] },
    ],
    flops: 12 * length,
    bytes: 28 * length,
  };
}
