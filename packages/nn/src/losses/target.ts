import { type Image, printShape, type Scalar, ShapeError, type Tensor } from "@lobule/tensor";

/** Class indices, [n, h, w]. */
export type Target = Tensor<readonly [n: number, h: number, w: number], "u32">;

/** A loss with its two terms, before they are weighted against each other, and the Dice scores behind them. */
export interface SegmentationLoss {
  readonly loss: Scalar;
  /** The term by pixels: cross-entropy, with the loss's weights and focal exponent. */
  readonly pixelLoss: Scalar;
  /** The term by overlap: Dice loss, or Tversky loss where that is the loss. */
  readonly overlapLoss: Scalar;
  /** Soft Dice by sample and class, [n, classes]. */
  readonly dice: Tensor<readonly [n: number, classes: number], "f32">;
}

/** Class weights as an option of softmaxLoss. @throws ShapeError when their count differs from the classes. */
export function weightsOf(
  what: string,
  classWeights: readonly number[] | null | undefined,
  logits: Image,
): { readonly classWeights?: readonly number[] } {
  if (classWeights === undefined || classWeights === null) return {};
  if (classWeights.length !== logits.shape[1]) {
    throw new ShapeError(
      `${what}: ${classWeights.length} class weights are given for logits ${printShape(logits.shape)}`,
    );
  }
  return { classWeights };
}
