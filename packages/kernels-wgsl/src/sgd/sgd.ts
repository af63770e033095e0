import { ceilDivide, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import { withConstant } from "../transforms/wgsl-text.js";
import source from "./sgd.wgsl.js";

/**
 * One step of stochastic gradient descent with Nesterov momentum over flat buffers of `length` f32, padded to a
 * multiple of four: parameters and momentumBuffer are updated in place.
 *
 * g ← gradient + weightDecay·p;  b ← μb + g;  p ← p − lr·(g + μb).
 *
 * `hyper`, eight numbers: learningRate, 0, 0, momentum μ, weightDecay, 0, 0, 0: learning rate and decay stand where the kernel adam
 * has them. With `scaled`, [10]: also the factor of the gradients, and 0 where the step is skipped and every bit stays
 * as it is (see the kernel loss-scale).
 *
 * Source: Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning", section 2, in the
 * form and the order of operations of torch.optim.SGD(nesterov=True), whose learning rate is not part of b.
 */
export function sgd(length: number, scaled = false): Kernel {
  return {
    name: "sgd",
    source: scaled ? withConstant(source, "SCALED", true) : source,
    launches: [
      { sizes: { quads: ceilDivide(length, 4) }, workgroups: [...foldWorkgroups(ceilDivide(length, 256)), 1] },
    ],
    flops: 8 * length,
    bytes: 20 * length,
  };
}
