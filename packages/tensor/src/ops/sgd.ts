import { sgd as sgdKernel } from "@lobule/kernels-wgsl";
import { f32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Tensor } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import type { Update } from "./adam.js";
import { flatGradients, mirrorOf, requireSame } from "./flat-gradients.js";
import { type GradientOptions, gradientInputs, lowerGradientOptions } from "./gradient-options.js";

/**
 * One step of stochastic gradient descent with Nesterov momentum on all parameters: one dispatch for each flat group that
 * they live in. The gradients are tensors, or variables that {@link accumulate} fills.
 *
 * g ← gradient + weightDecay·p;  b ← μb + g;  p ← p − lr·(g + μb).
 *
 * `hyper`, eight numbers: learningRate, 0, 0, momentum μ, weightDecay, 0, 0, 0. A skipped step of `scaling` changes no parameter and
 * no momentum.
 * @throws ShapeError when the lists do not match.
 * Source: Sutskever et al. 2013, in the form and the order of operations of torch.optim.SGD(nesterov=True).
 */
export function sgd(
  parameters: readonly Variable[],
  gradients: readonly Tensor[],
  momentumBuffers: readonly Variable[],
  hyper: Tensor<readonly [8], "f32">,
  options: GradientOptions = {},
): Update {
  requireSame("sgd", parameters, { momentum: momentumBuffers });
  const { groups, placed, placements } = flatGradients("sgd", parameters, gradients);
  const flat = groups.map((each) => ({
    ...each,
    momentumBuffer: mirrorOf("sgd", each.group, parameters, momentumBuffers),
  }));
  return applyKernel({
    name: "sgd",
    inputs: { placed, hyper, state: gradientInputs(options) },
    output: f32([1]),
    placements,
    lower: (inputs, _, lowering) => {
      const { numbers, scaled } = lowerGradientOptions(lowering, options, groups, inputs.hyper);
      for (const { group, gradients: flatGradient, momentumBuffer } of flat) {
        lowering.atEnd({
          kernel: sgdKernel(group.length, scaled),
          bindings: { parameters: group, gradients: flatGradient, momentumBuffer, hyper: numbers },
        });
      }
    },
  });
}
