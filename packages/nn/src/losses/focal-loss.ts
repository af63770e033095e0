import { type Image, printShape, type Scalar, ShapeError, softmaxLoss } from "@lobule/tensor";
import type { Target } from "./target.js";

/** Settings of {@link focalLoss}. */
export interface FocalLossOptions {
  /** Exponent γ that weakens easy pixels; 2 by default, 0 gives cross-entropy. */
  readonly gamma?: number;
  /** Weights α: one for each class, or one number for every class but the background, which gets 1 − α. */
  readonly alpha?: number | readonly number[];
}

/**
 * Focal loss on the softmax probabilities p: L = mean_pixels(−α_t · (1 − p_t)^γ · log p_t).
 *
 * logits [n, classes, h, w], target [n, h, w] (class index) → scalar. MONAI's FocalLoss also averages over the classes:
 * divide by their number to compare.
 * @throws ShapeError when the alphas' count differs from the classes, or target and logits differ in n, h or w.
 * Source: Lin et al. 2017, "Focal loss for dense object detection", eq. 5, for several classes.
 */
export function focalLoss(logits: Image, target: Target, { gamma = 2, alpha }: FocalLossOptions = {}): Scalar {
  const classes = logits.shape[1];
  const weights =
    typeof alpha === "number" ? Array.from({ length: classes }, (_, c) => (c === 0 ? 1 - alpha : alpha)) : alpha;
  if (weights !== undefined && weights.length !== classes) {
    throw new ShapeError(`focalLoss: ${weights.length} alphas are given for logits ${printShape(logits.shape)}`);
  }
  return softmaxLoss(logits, target, {
    lambdaCrossEntropy: 1,
    lambdaDice: 0,
    gamma,
    normalization: "pixels",
    ...(weights === undefined ? {} : { classWeights: weights }),
  }).loss;
}
