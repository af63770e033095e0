import { adam as adamKernel } from "@lobule/kernels-wgsl";
import { f32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Tensor } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import { flatGradients, mirrorOf, requireSame } from "./flat-gradients.js";
import { type GradientOptions, gradientInputs, lowerGradientOptions } from "./gradient-options.js";

/** A change of state that a program makes at the end of each run. */
export interface Update {
  readonly node: Tensor["node"];
}

/**
 * One Adam step on all parameters: one dispatch for each flat group that they live in. The gradients are tensors, or
 * variables that {@link accumulate} fills.
 *
 * m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;  p ← p − lr/bc₁ · m/(√v/√bc₂ + ε), bcᵢ = 1 − βᵢᵗ.
 *
 * `hyper`, eight numbers: learningRate, 1 − β₁, 1 − β₂, epsilon, weightDecay (added to the gradient), bc₁, √bc₂,
 * decoupledWeightDecay (AdamW). Source: Kingma and Ba 2015, algorithm 1, in PyTorch's order of operations.
 *
 * With `scaling` the gradients are those of the loss times its scale: they are divided by it, bias corrections count the
 * steps that were taken, and a step with an infinite gradient or NaN changes no parameter and no moment. With `clipNorm`
 * they are clipped, unscaled ones, by their common norm.
 * @throws ShapeError when the lists do not match.
 */
export function adam(
  parameters: readonly Variable[],
  gradients: readonly Tensor[],
  firstMoments: readonly Variable[],
  secondMoments: readonly Variable[],
  hyper: Tensor<readonly [8], "f32">,
  options: GradientOptions = {},
): Update {
  requireSame("adam", parameters, { firstMoment: firstMoments, secondMoment: secondMoments });
  const { groups, placed, placements } = flatGradients("adam", parameters, gradients);
  const flat = groups.map((each) => ({
    ...each,
    firstMoment: mirrorOf("adam", each.group, parameters, firstMoments),
    secondMoment: mirrorOf("adam", each.group, parameters, secondMoments),
  }));
  return applyKernel({
    name: "adam",
    inputs: { placed, hyper, state: gradientInputs(options) },
    output: f32([1]),
    placements,
    lower: (inputs, _, lowering) => {
      const { numbers, scaled } = lowerGradientOptions(lowering, options, groups, inputs.hyper);
      for (const { group, gradients: flatGradient, firstMoment, secondMoment } of flat) {
        lowering.atEnd({
          kernel: adamKernel(group.length, scaled),
          bindings: { parameters: group, gradients: flatGradient, firstMoment, secondMoment, hyper: numbers },
        });
      }
    },
  });
}
