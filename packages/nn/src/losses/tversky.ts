import { type Image, softmaxLoss } from "@lobule/tensor";
import { type OverlapOptions, overlapOf } from "./overlap-options.js";
import type { SegmentationLoss, Target } from "./target.js";

/** Settings of {@link tversky}. */
export interface TverskyOptions extends OverlapOptions {
  /** Weight of false positives; 0.3 by default. */
  readonly alpha?: number;
  /** Weight of false negatives; 0.7 by default: what is missed costs more than what is found in excess. */
  readonly beta?: number;
  /** Added above and below in each index; 1e-5 by default. */
  readonly smooth?: number;
}

/**
 * Tversky loss on the softmax probabilities p, background included unless it is left out:
 *
 * L = mean_{n,c}(1 − (TP + s)/(TP + α·FP + β·FN + s)), with TP = Σ p·t, FP = Σ p·(1 − t), FN = Σ (1 − p)·t over the pixels
 * of one sample and class. α = β = ½ is the soft Dice loss, with twice its s.
 *
 * logits [n, classes, h, w], target [n, h, w] (class index) → scalars; `overlapLoss` is the Tversky loss, `pixelLoss` is
 * no part of it and `dice` are Dice scores, so that losses can be compared by them.
 * @throws ShapeError when target and logits differ in n, h or w.
 * Source: Salehi et al. 2017, "Tversky loss function for image segmentation using 3D fully convolutional deep networks",
 * eqs. 3 and 4, over all classes; as MONAI TverskyLoss(softmax=True, to_onehot_y=True, alpha=α, beta=β).
 */
export function tversky(
  logits: Image,
  target: Target,
  { alpha = 0.3, beta = 0.7, smooth = 1e-5, ...overlap }: TverskyOptions = {},
): SegmentationLoss {
  const { loss, pixelLoss, overlapLoss, dice } = softmaxLoss(logits, target, {
    lambdaCrossEntropy: 0,
    lambdaDice: 1,
    tversky: { alpha, beta },
    smooth: 2 * smooth,
    ...overlapOf("tversky", overlap, logits),
  });
  return { loss, pixelLoss, overlapLoss, dice };
}
