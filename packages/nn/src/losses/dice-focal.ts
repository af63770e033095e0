import { type Image, softmaxLoss } from "@lobule/tensor";
import { type OverlapOptions, overlapOf } from "./overlap-options.js";
import { type SegmentationLoss, type Target, weightsOf } from "./target.js";

/** Settings of {@link diceFocal}. */
export interface DiceFocalOptions extends OverlapOptions {
  /** Exponent γ that weakens easy pixels; 2 by default, 0 gives cross-entropy. */
  readonly gamma?: number;
  /** Weight α_c of the pixels of each class; all 1 by default. */
  readonly classWeights?: readonly number[] | null;
  /** Weight of the focal loss; 1 by default. */
  readonly lambdaFocal?: number;
  /** Weight of the Dice loss; 1 by default. */
  readonly lambdaDice?: number;
}

/**
 * Focal loss plus soft Dice loss on the softmax probabilities p, background included unless it is left out:
 *
 * L = λ_focal · mean_pixels(−α_t · (1 − p_t)^γ · log p_t) + λ_Dice · mean_{n,c}(1 − (2·I + s)/(P + T + s)), s = 1e-5.
 *
 * logits [n, classes, h, w], target [n, h, w] (class index) → scalars. MONAI's DiceFocalLoss also averages the focal
 * loss over the classes: divide λ_focal by their number to compare.
 * @throws ShapeError when the weights' count differs from the classes, or target and logits differ in n, h or w.
 * Source: Lin et al. 2017, eq. 5, for several classes; their sum as in Zhu et al. 2019, "AnatomyNet".
 */
export function diceFocal(
  logits: Image,
  target: Target,
  { gamma = 2, classWeights, lambdaFocal = 1, lambdaDice = 1, ...options }: DiceFocalOptions = {},
): SegmentationLoss {
  const { loss, pixelLoss, overlapLoss, dice } = softmaxLoss(logits, target, {
    lambdaCrossEntropy: lambdaFocal,
    lambdaDice,
    gamma,
    normalization: "pixels",
    ...weightsOf("diceFocal", classWeights, logits),
    ...overlapOf("diceFocal", options, logits),
  });
  return { loss, pixelLoss, overlapLoss, dice };
}
