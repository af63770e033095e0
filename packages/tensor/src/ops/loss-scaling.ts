import { findOverflow, type LossScaleRule, lossScale } from "@lobule/kernels-wgsl";
import type { Lowering, Tensor } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import type { FlatGroup } from "./flat-gradients.js";

/** State of a loss scale on the device, one number each, and the rule by which it changes. */
export interface LossScaling extends LossScaleRule {
  /** What the loss's gradient is seeded with. */
  readonly scale: Variable<readonly [1]>;
  /** Steps since the scale last changed. */
  readonly goodSteps: Variable<readonly [1]>;
  /** Steps that were taken. */
  readonly takenSteps: Variable<readonly [1]>;
  /** Set while a step looks for overflow; 0 between steps. */
  readonly found: Variable<readonly [1]>;
}

/**
 * Looks for overflow in the gradients of a scaled loss, then decides on the step and the next scale.
 * @returns the numbers [10] of the scaled Adam kernel.
 */
export function lowerLossScaling(
  lowering: Lowering,
  { scale, goodSteps, takenSteps, found, ...rule }: LossScaling,
  groups: readonly FlatGroup[],
  hyper: Tensor,
): Tensor {
  for (const { gradients } of groups) {
    lowering.atEnd({ kernel: findOverflow(gradients.length), bindings: { gradients, found } });
  }
  const scaledHyper = lowering.scratch([10]);
  lowering.atEnd({ kernel: lossScale(rule), bindings: { hyper, found, scale, goodSteps, takenSteps, scaledHyper } });
  return scaledHyper;
}
