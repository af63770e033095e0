import { type Image, softmaxLoss } from "@lobule/tensor";
import { type OverlapOptions, overlapOf } from "./overlap-options.js";
import type { SegmentationLoss, Target } from "./target.js";

/** Settings of {@link generalizedDice}. */
export interface GeneralizedDiceOptions extends OverlapOptions {
  /** Weight of the cross-entropy; 1 by default. */
  readonly lambdaCrossEntropy?: number;
  /** Weight of the generalized Dice loss; 1 by default. */
  readonly lambdaDice?: number;
  /** Added above and below in the score; 1e-5 by default. */
  readonly smooth?: number;
}

/**
 * Cross-entropy plus generalized Dice loss on the softmax probabilities p, background included unless it is left out:
 *
 * L = λce · mean_pixels(−log p_t) + λdice · mean_n(1 − (2·Σ_c u_c·I + s)/(Σ_c u_c·(P + T) + s)), u_c = (min T / T_c)²,
 *
 * with I = Σ p·t, P = Σ p, T = Σ t over the pixels of one sample and class, and the least T over the classes that are
 * there: so a small class counts as much as a large one. A class that is not there has the weight of the smallest one.
 *
 * logits [n, classes, h, w], target [n, h, w] (class index) → scalars.
 * @throws ShapeError when target and logits differ in n, h or w, or no class is left.
 * Source: Sudre et al. 2017, "Generalised Dice overlap as a deep learning loss function for highly unbalanced
 * segmentations", with weights 1/T² scaled so that the largest is 1, which s alone sees; absent classes as in MONAI's
 * GeneralizedDiceLoss.
 */
export function generalizedDice(
  logits: Image,
  target: Target,
  { lambdaCrossEntropy = 1, lambdaDice = 1, smooth = 1e-5, ...options }: GeneralizedDiceOptions = {},
): SegmentationLoss {
  const { overlap, diceWeights } = overlapOf("generalizedDice", options, logits);
  // There is no mean over classes here, for which a class that is left out would have to be made up.
  const weights = diceWeights === undefined ? {} : { diceWeights: diceWeights.map((weight) => (weight > 0 ? 1 : 0)) };
  const { loss, pixelLoss, overlapLoss, dice } = softmaxLoss(logits, target, {
    lambdaCrossEntropy,
    lambdaDice,
    smooth,
    ...weights,
    overlap: { ...overlap, of: "all-classes" },
  });
  return { loss, pixelLoss, overlapLoss, dice };
}
