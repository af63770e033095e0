import { adam as adamKernel } from "@lobule/kernels-wgsl";
import type { Arena } from "../graph/arena.js";
import { apply, type Tensor } from "../graph/tensor.js";
import type { Variable, VariableGroup } from "../graph/variable.js";
import { printShape, ShapeError, sameShape } from "../shape.js";
import { flatGradients, mirrorOf } from "./flat-gradients.js";
import { type GradientOptions, gradientInputs, lowerGradientNumbers } from "./gradient-numbers.js";

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
 * `hyper` [8]: learningRate, 1 − β₁, 1 − β₂, epsilon, weightDecay (added to the gradient), bc₁, √bc₂,
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
  parameters.forEach((parameter, i) => {
    for (const [what, tensor] of Object.entries({ firstMoment: firstMoments[i], secondMoment: secondMoments[i] })) {
      if (tensor === undefined || !sameShape(tensor.shape, parameter.shape)) {
        throw new ShapeError(
          `adam: ${parameter.name} is ${printShape(parameter.shape)}, its ${what} ${tensor ? printShape(tensor.shape) : "is missing"}`,
        );
      }
    }
  });
  const { groups, placed, flats, placements } = flatGradients("adam", parameters, gradients);
  const moments = [firstMoments, secondMoments].map((list) =>
    groups.map(({ group }) => mirrorOf("adam", group, parameters, list)),
  );
  const [done] = apply(
    {
      kind: "kernel",
      name: "adam",
      placements,
      lower: (lowering, inputs) => {
        const hyperInput = inputs[placed.length] as Tensor;
        const { numbers, scaled } = lowerGradientNumbers(lowering, options, flats, hyperInput);
        groups.forEach(({ group }, at) => {
          lowering.atEnd({
            kernel: adamKernel(group.length, scaled),
            bindings: {
              parameters: group,
              gradients: flats[at] as Arena | VariableGroup,
              firstMoment: moments[0]?.[at] as VariableGroup,
              secondMoment: moments[1]?.[at] as VariableGroup,
              hyper: numbers,
            },
          });
        });
      },
    },
    [...placed, hyper, ...gradientInputs(options)],
    [{ shape: [1], dtype: "f32" }],
  );
  return { node: (done as Tensor).node };
}
