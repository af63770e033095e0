import { add, type Image, scale, softmaxLoss, topKCrossEntropy } from "@lobule/tensor";
import type { DiceCrossEntropyOptions } from "./dice-cross-entropy.js";
import { overlapOf } from "./overlap-options.js";
import type { SegmentationLoss, Target } from "./target.js";

/** Settings of {@link topKDice}. */
export interface TopKDiceOptions extends DiceCrossEntropyOptions {
  /** Share of the pixels whose cross-entropy counts, above 0 and at most 1; 0.1 by default. */
  readonly share?: number;
}

/**
 * Cross-entropy of the hardest pixels plus soft Dice loss on the softmax probabilities p, background included unless it
 * is left out:
 *
 * L = λce · mean of the ⌊share · pixels⌋ largest −log p_t + λdice · mean_{n,c}(1 − (2·I + s)/(P + T + s)).
 *
 * The pixels are those of all samples together; of a batch in parts those of each part.
 *
 * logits [n, classes, h, w], target [n, h, w] (class index) → scalars.
 * @throws ShapeError when target and logits differ in n, h or w, or no class is left; RangeError for another share.
 * Source: Wu, Shen and van den Hengel 2016; with Dice as in nnU-Net's DC_and_topk_loss, whose share is 10 %.
 */
export function topKDice(
  logits: Image,
  target: Target,
  { share = 0.1, lambdaCrossEntropy = 1, lambdaDice = 1, smooth = 1e-5, ...options }: TopKDiceOptions = {},
): SegmentationLoss {
  const overlap = softmaxLoss(logits, target, {
    lambdaCrossEntropy: 0,
    lambdaDice,
    smooth,
    ...overlapOf("topKDice", options, logits),
  });
  const pixelLoss = topKCrossEntropy(logits, target, share);
  const { overlapLoss, dice } = overlap;
  return { loss: add(scale(pixelLoss, lambdaCrossEntropy), overlap.loss), pixelLoss, overlapLoss, dice };
}
