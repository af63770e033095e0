import { sgd as sgdKernel } from "@lobule/kernels-wgsl";
import type { Arena } from "../graph/arena.js";
import { apply, type Tensor } from "../graph/tensor.js";
import type { Variable, VariableGroup } from "../graph/variable.js";
import { printShape, ShapeError, sameShape } from "../shape.js";
import type { Update } from "./adam.js";
import { flatGradients, mirrorOf } from "./flat-gradients.js";
import { type GradientOptions, gradientInputs, lowerGradientNumbers } from "./gradient-numbers.js";

/**
 * One step of stochastic gradient descent with Nesterov momentum on all parameters: one dispatch for each flat group that
 * they live in. The gradients are tensors, or variables that {@link accumulate} fills.
 *
 * g ← gradient + weightDecay·p;  b ← μb + g;  p ← p − lr·(g + μb).
 *
 * `hyper` [8]: learningRate, 0, 0, momentum μ, weightDecay, 0, 0, 0. A skipped step of `scaling` changes no parameter and
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
  parameters.forEach((parameter, i) => {
    const buffer = momentumBuffers[i];
    if (buffer === undefined || !sameShape(buffer.shape, parameter.shape)) {
      throw new ShapeError(
        `sgd: ${parameter.name} is ${printShape(parameter.shape)}, its momentum ${buffer ? printShape(buffer.shape) : "is missing"}`,
      );
    }
  });
  const { groups, placed, flats, placements } = flatGradients("sgd", parameters, gradients);
  const buffers = groups.map(({ group }) => mirrorOf("sgd", group, parameters, momentumBuffers));
  const [done] = apply(
    {
      kind: "kernel",
      name: "sgd",
      placements,
      lower: (lowering, inputs) => {
        const hyperInput = inputs[placed.length] as Tensor;
        const { numbers, scaled } = lowerGradientNumbers(lowering, options, flats, hyperInput);
        groups.forEach(({ group }, at) => {
          lowering.atEnd({
            kernel: sgdKernel(group.length, scaled),
            bindings: {
              parameters: group,
              gradients: flats[at] as Arena | VariableGroup,
              momentumBuffer: buffers[at] as VariableGroup,
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
