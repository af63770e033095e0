import { type Image, softmaxLoss } from "@lobule/tensor";
import type { DiceCrossEntropyOptions } from "./dice-cross-entropy.js";
import { overlapOf } from "./overlap-options.js";
import { type SegmentationLoss, type Target, weightsOf } from "./target.js";

/** Settings of {@link weightedDiceCrossEntropy}. */
export interface WeightedDiceCrossEntropyOptions extends DiceCrossEntropyOptions {
  /** Weight w_c of each class; all 1 by default. */
  readonly classWeights?: readonly number[] | null;
}

/**
 * {@link diceCrossEntropy} with class weights in both terms:
 *
 * L = λce · Σ w_t·(−log p_t) / Σ w_t + λdice · mean_{n,c}(w_c·(1 − dice[n, c])).
 *
 * logits [n, classes, h, w], target [n, h, w] (class index) → scalars.
 * @throws ShapeError when the weights' count differs from the classes, or target and logits differ in n, h or w.
 * Source: MONAI DiceCELoss(weight=…): PyTorch's weighted mean for the cross-entropy, a plain mean for the Dice loss.
 */
export function weightedDiceCrossEntropy(
  logits: Image,
  target: Target,
  { classWeights, lambdaCrossEntropy = 1, lambdaDice = 1, smooth = 1e-5, ...options }: WeightedDiceCrossEntropyOptions,
): SegmentationLoss {
  const given = weightsOf("weightedDiceCrossEntropy", classWeights, logits).classWeights;
  const weights = given === undefined ? {} : ({ classWeights: given, normalization: "weights" } as const);
  const { loss, pixelLoss, overlapLoss, dice } = softmaxLoss(logits, target, {
    lambdaCrossEntropy,
    lambdaDice,
    smooth,
    ...weights,
    ...overlapOf("weightedDiceCrossEntropy", options, logits, given),
  });
  return { loss, pixelLoss, overlapLoss, dice };
}
