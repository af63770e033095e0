import { average as averageKernel } from "@lobule/kernels-wgsl";
import { f32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Tensor } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import type { Update } from "./adam.js";
import { groupsOf, mirrorOf, requireSame } from "./flat-gradients.js";

/**
 * Moves running averages towards the present values of variables, at the end of a run: one dispatch for each flat group
 * that the variables live in. Among a program's `updates` it comes after the optimizer's, whose result it averages.
 *
 * average ← average + share·(value − average). `share`, one number: 1 − d for a decay of d.
 * @throws ShapeError when the lists do not match.
 */
export function average(
  variables: readonly Variable[],
  averages: readonly Variable[],
  share: Tensor<readonly [1], "f32">,
): Update {
  requireSame("average", variables, { average: averages });
  const flat = groupsOf(variables).map((values) => ({
    values,
    averages: mirrorOf("average", values, variables, averages),
  }));
  return applyKernel({
    name: "average",
    inputs: { share },
    output: f32([1]),
    lower: (inputs, _, lowering) => {
      for (const buffers of flat) {
        lowering.atEnd({
          kernel: averageKernel(buffers.values.length),
          bindings: { ...buffers, share: inputs.share },
        });
      }
    },
  });
}
