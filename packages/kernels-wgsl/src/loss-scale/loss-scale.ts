import { ceilDivide, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import findOverflowSource from "./find-overflow.wgsl.js";
import lossScaleSource from "./loss-scale.wgsl.js";

/** How a loss scale follows overflows. */
export interface LossScaleRule {
  /** Factor of the scale after `growthInterval` steps in a row without overflow. */
  readonly growthFactor: number;
  /** Factor of the scale after an overflow. */
  readonly backoffFactor: number;
  readonly growthInterval: number;
}

/** Sets found[0] to 1 where one of `length` f32 gradients is infinite or NaN; leaves it alone otherwise. */
export const findOverflow = (length: number): Kernel => ({
  name: "find-overflow",
  source: findOverflowSource,
  launches: [{ sizes: { length }, workgroups: [...foldWorkgroups(ceilDivide(length, 16 * 64)), 1] }],
  flops: 0,
  bytes: 4 * length,
});

/**
 * After {@link findOverflow}: makes `scaledHyper` [10] for the scaled kernel `adam` from `hyper` [8], with bias
 * corrections of the steps that were taken; then updates scale, goodSteps and takenSteps [1] and clears found.
 *
 * With an overflow the step is skipped and the scale shrinks; else, every `growthInterval` steps, it grows, unless it
 * would leave f32. Source: Micikevicius et al. 2018, "Mixed precision training", and torch.amp.GradScaler's update.
 */
export const lossScale = ({ growthFactor, backoffFactor, growthInterval }: LossScaleRule): Kernel => ({
  name: "loss-scale",
  source: lossScaleSource,
  launches: [{ sizes: { growthInterval, growthFactor, backoffFactor }, workgroups: [1, 1, 1] }],
  flops: 0,
  bytes: 4 * (8 + 10 + 2 * 4),
});
