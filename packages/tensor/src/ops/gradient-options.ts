import { clipNorm as clipNormKernels } from "@lobule/kernels-wgsl";
import type { Lowering, Tensor } from "../graph/tensor.js";
import type { FlatGroup } from "./flat-gradients.js";
import { type LossScaling, lowerLossScaling } from "./loss-scaling.js";

/** What is done to the gradients before an optimizer takes them, on the device. */
export interface GradientOptions {
  /** The gradients are those of the loss times its scale; a step with an infinite one or NaN is skipped. */
  readonly scaling?: LossScaling;
  /**
   * The largest norm of all gradients together: they are multiplied by min(1, clipNorm / (‖g‖ + 1e-6)), ‖g‖ = √Σ g².
   * Source: Pascanu et al. 2013, algorithm 1; torch.nn.utils.clip_grad_norm_.
   */
  readonly clipNorm?: number;
}

/** Tensors that these options read, for the inputs of an operation. */
export const gradientInputs = ({ scaling }: GradientOptions): readonly Tensor[] =>
  scaling === undefined ? [] : [scaling.scale, scaling.goodSteps, scaling.takenSteps, scaling.found];

/** The hyperparameters of an optimizer's kernel: `hyper` [8], or [10] where the gradients get a factor. */
export function lowerGradientOptions(
  lowering: Lowering,
  { scaling, clipNorm }: GradientOptions,
  groups: readonly FlatGroup[],
  hyper: Tensor,
): { readonly numbers: Tensor; readonly scaled: boolean } {
  const numbers = scaling === undefined ? hyper : lowerLossScaling(lowering, scaling, groups, hyper);
  if (clipNorm === undefined) return { numbers, scaled: scaling !== undefined };
  const kernels = clipNormKernels(
    groups.map(({ gradients }) => gradients.length),
    clipNorm,
    scaling !== undefined,
  );
  const partials = lowering.scratch([kernels.partials]);
  const clippedHyper = lowering.scratch([10]);
  for (const [at, { gradients }] of groups.entries()) {
    const kernel = kernels.squareSums[at];
    if (kernel !== undefined) lowering.atEnd({ kernel, bindings: { gradients, partials } });
  }
  lowering.atEnd({ kernel: kernels.finish, bindings: { partials, hyper: numbers, clippedHyper } });
  return { numbers: clippedHyper, scaled: true };
}
