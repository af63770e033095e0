import { accumulate as accumulateKernel } from "@lobule/kernels-wgsl";
import { f32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Tensor } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import type { Update } from "./adam.js";
import { flatGradients, mirrorOf, requireSame } from "./flat-gradients.js";

/**
 * Adds gradients to those that are kept in `accumulated`: one dispatch for each flat group of the parameters.
 *
 * accumulated ← (shares[0] ≠ 0 ? accumulated : 0) + shares[1]·gradients. `shares`, two numbers: 0 for the first part of a batch,
 * else 1; the part's share of the batch. {@link adam} then takes `accumulated` for its gradients.
 * @throws ShapeError when the lists do not match.
 */
export function accumulate(
  parameters: readonly Variable[],
  gradients: readonly Tensor[],
  accumulated: readonly Variable[],
  shares: Tensor<readonly [2], "f32">,
): Update {
  requireSame("accumulate", parameters, { sum: accumulated });
  const { groups, placed, placements } = flatGradients("accumulate", parameters, gradients);
  const flat = groups.map((each) => ({
    gradients: each.gradients,
    accumulated: mirrorOf("accumulate", each.group, parameters, accumulated),
  }));
  return applyKernel({
    name: "accumulate",
    inputs: { placed, shares },
    output: f32([1]),
    placements,
    lower: (inputs, _, lowering) => {
      for (const buffers of flat) {
        lowering.atEnd({
          kernel: accumulateKernel(buffers.accumulated.length),
          bindings: { ...buffers, shares: inputs.shares },
        });
      }
    },
  });
}
