import { type Image, softmaxLoss } from "@lobule/tensor";
import { type OverlapOptions, overlapOf } from "./overlap-options.js";
import type { SegmentationLoss, Target } from "./target.js";

/** Settings of {@link diceCrossEntropy}. */
export interface DiceCrossEntropyOptions extends OverlapOptions {
  /** Weight of the cross-entropy; 1 by default. */
  readonly lambdaCrossEntropy?: number;
  /** Weight of the Dice loss; 1 by default. */
  readonly lambdaDice?: number;
  /** Added above and below in each Dice score; 1e-5 by default. */
  readonly smooth?: number;
}

/**
 * Cross-entropy plus soft Dice loss on the softmax probabilities p, background included unless it is left out.
 *
 * L = λce · mean_pixels(−log p_t) + λdice · mean_{n,c}(1 − (2·I + s)/(P + T + s)),
 * with I = Σ p·t, P = Σ p, T = Σ t over the pixels of one sample and class, or with batch Dice of all samples.
 *
 * logits [n, classes, h, w], target [n, h, w] (class index) → scalars.
 * @throws ShapeError when target and logits differ in n, h or w, or no class is left.
 * Source: MONAI DiceCELoss(softmax=True, to_onehot_y=True, batch=False); Dice as Milletari et al. 2016 without squares.
 */
export function diceCrossEntropy(
  logits: Image,
  target: Target,
  { lambdaCrossEntropy = 1, lambdaDice = 1, smooth = 1e-5, ...options }: DiceCrossEntropyOptions = {},
): SegmentationLoss {
  const { loss, pixelLoss, overlapLoss, dice } = softmaxLoss(logits, target, {
    lambdaCrossEntropy,
    lambdaDice,
    smooth,
    ...overlapOf("diceCrossEntropy", options, logits),
  });
  return { loss, pixelLoss, overlapLoss, dice };
}
