import type { Scalar, Tensor } from "@lobule/tensor";

/** Class indices, [n, h, w]. */
export type Target = Tensor<readonly [n: number, h: number, w: number], "u32">;

/** A loss with its two terms, before they are weighted against each other, and the Dice scores behind them. */
export interface SegmentationLoss {
  readonly loss: Scalar;
  readonly crossEntropy: Scalar;
  readonly diceLoss: Scalar;
  /** Soft Dice by sample and class, [n, classes]. */
  readonly dice: Tensor<readonly [n: number, classes: number], "f32">;
}
