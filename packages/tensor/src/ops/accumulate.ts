import { accumulate as accumulateKernel } from "@lobule/kernels-wgsl";
import type { Arena } from "../graph/arena.js";
import { apply, type Tensor } from "../graph/tensor.js";
import type { Variable, VariableGroup } from "../graph/variable.js";
import { printShape, ShapeError, sameShape } from "../shape.js";
import type { Update } from "./adam.js";
import { flatGradients, mirrorOf } from "./flat-gradients.js";

/**
 * Adds gradients to those that are kept in `accumulated`: one dispatch for each flat group of the parameters.
 *
 * accumulated ← (shares[0] ≠ 0 ? accumulated : 0) + shares[1]·gradients. `shares` [2]: 0 for the first part of a batch,
 * else 1; the part's share of the batch. {@link adam} then takes `accumulated` for its gradients.
 * @throws ShapeError when the lists do not match.
 */
export function accumulate(
  parameters: readonly Variable[],
  gradients: readonly Tensor[],
  accumulated: readonly Variable[],
  shares: Tensor<readonly [2], "f32">,
): Update {
  parameters.forEach((parameter, i) => {
    const kept = accumulated[i];
    if (kept === undefined || !sameShape(kept.shape, parameter.shape)) {
      throw new ShapeError(
        `accumulate: ${parameter.name} is ${printShape(parameter.shape)}, its sum ${kept ? printShape(kept.shape) : "is missing"}`,
      );
    }
  });
  const { groups, placed, flats, placements } = flatGradients("accumulate", parameters, gradients);
  const sums = groups.map(({ group }) => mirrorOf("accumulate", group, parameters, accumulated));
  const [done] = apply(
    {
      kind: "kernel",
      name: "accumulate",
      placements,
      lower: (lowering, inputs) => {
        const sharesInput = inputs[placed.length] as Tensor;
        groups.forEach(({ group }, at) => {
          lowering.atEnd({
            kernel: accumulateKernel(group.length),
            bindings: {
              accumulated: sums[at] as VariableGroup,
              gradients: flats[at] as Arena | VariableGroup,
              shares: sharesInput,
            },
          });
        });
      },
    },
    [...placed, shares],
    [{ shape: [1], dtype: "f32" }],
  );
  return { node: (done as Tensor).node };
}
