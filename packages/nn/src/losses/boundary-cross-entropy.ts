import { type Image, softmaxLoss } from "@lobule/tensor";
import { type SegmentationLoss, type Target, weightsOf } from "./target.js";

/** Settings of {@link boundaryCrossEntropy}. */
export interface BoundaryCrossEntropyOptions {
  /** What a pixel near a boundary weighs besides its class, w₀; 10 by default. */
  readonly boundaryWeight?: number;
  /** How near, in pixels: a whole number from 1 to 8; 2 by default. */
  readonly boundaryRadius?: number;
  /** Weight w_c of each class; all 1 by default. */
  readonly classWeights?: readonly number[] | null;
}

/**
 * Cross-entropy with more weight near the boundaries of labels:
 *
 * L = Σ w(x)·(−log p_t(x)) / Σ w(x), w(x) = w_t(x) + w₀ · [a pixel of another class lies within r of x],
 *
 * measured from center to center, in the image plane, on the labels as the network gets them: resampled and augmented.
 * So r = 1 takes the pixels on both sides of a boundary.
 *
 * logits [n, classes, h, w], target [n, h, w] (class index) → scalars; `overlapLoss` is no part of the loss.
 * @throws ShapeError when the weights' count differs from the classes, or target and logits differ in n, h or w;
 * KernelDeclarationError for another radius.
 * Source: Ronneberger et al. 2015, "U-Net", eqs. 1 and 2, simplified: their weight w₀·exp(−(d₁ + d₂)²/2σ²) falls off with
 * the distances to the two nearest cells and so grows in gaps between them; here it is w₀ up to r and then 0, and the sum
 * is divided by the weights as PyTorch's weighted cross_entropy is.
 */
export function boundaryCrossEntropy(
  logits: Image,
  target: Target,
  { boundaryWeight = 10, boundaryRadius = 2, classWeights }: BoundaryCrossEntropyOptions = {},
): SegmentationLoss {
  const { loss, pixelLoss, overlapLoss, dice } = softmaxLoss(logits, target, {
    lambdaCrossEntropy: 1,
    lambdaDice: 0,
    normalization: "weights",
    boundary: { radius: boundaryRadius, weight: boundaryWeight },
    ...weightsOf("boundaryCrossEntropy", classWeights, logits),
  });
  return { loss, pixelLoss, overlapLoss, dice };
}
