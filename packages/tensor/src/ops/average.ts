import { average as averageKernel } from "@lobule/kernels-wgsl";
import { apply, type Tensor } from "../graph/tensor.js";
import { groupVariables, type Variable, type VariableGroup } from "../graph/variable.js";
import { printShape, ShapeError, sameShape } from "../shape.js";
import type { Update } from "./adam.js";
import { mirrorOf } from "./flat-gradients.js";

/**
 * Moves running averages towards the present values of variables, at the end of a run: one dispatch for each flat group
 * that the variables live in. Among a program's `updates` it comes after the optimizer's, whose result it averages.
 *
 * average ← average + share·(value − average). `share` [1]: 1 − d for a decay of d.
 * @throws ShapeError when the lists do not match.
 */
export function average(
  variables: readonly Variable[],
  averages: readonly Variable[],
  share: Tensor<readonly [1], "f32">,
): Update {
  variables.forEach((variable, i) => {
    const kept = averages[i];
    if (kept === undefined || !sameShape(kept.shape, variable.shape)) {
      throw new ShapeError(
        `average: ${variable.name} is ${printShape(variable.shape)}, its average ${kept ? printShape(kept.shape) : "is missing"}`,
      );
    }
  });
  groupVariables(variables);
  const groups = [...new Set(variables.map(({ group }) => group as VariableGroup))];
  const mirrors = groups.map((group) => mirrorOf("average", group, variables, averages));
  const [done] = apply(
    {
      kind: "kernel",
      name: "average",
      lower: (lowering, inputs) => {
        const shareInput = inputs[0] as Tensor;
        groups.forEach((group, at) => {
          lowering.atEnd({
            kernel: averageKernel(group.length),
            bindings: { averages: mirrors[at] as VariableGroup, values: group, share: shareInput },
          });
        });
      },
    },
    [share],
    [{ shape: [1], dtype: "f32" }],
  );
  return { node: (done as Tensor).node };
}
