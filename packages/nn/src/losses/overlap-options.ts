import { type Image, printShape, ShapeError, type SoftmaxLossOptions } from "@lobule/tensor";

/** Of what the overlap term of a loss is taken. */
export interface OverlapOptions {
  /** Leave the background, class 0, out of it; false by default. The cross-entropy has all classes. */
  readonly foregroundDice?: boolean;
  /**
   * Take the sums of each class over the images that are run at once, not of each image; false by default. Of a batch in
   * parts that is over each part.
   */
  readonly batchDice?: boolean;
}

/**
 * The options of softmaxLoss for these. Without the background the mean is over the other classes.
 * @param weights of each class's overlap term; all 1 by default.
 * @throws ShapeError when there is no class but the background.
 */
export function overlapOf(
  what: string,
  { foregroundDice = false, batchDice = false }: OverlapOptions,
  logits: Image,
  weights?: readonly number[],
): Pick<SoftmaxLossOptions, "diceWeights" | "overlap"> {
  const classes = logits.shape[1];
  const over = batchDice ? ({ overlap: { over: "batch" } } as const) : {};
  if (!foregroundDice) return { ...over, ...(weights === undefined ? {} : { diceWeights: weights }) };
  if (classes < 2) {
    throw new ShapeError(`${what}: without the background no class is left of logits ${printShape(logits.shape)}`);
  }
  const given = weights ?? Array<number>(classes).fill(1);
  return { ...over, diceWeights: given.map((weight, c) => (c === 0 ? 0 : (weight * classes) / (classes - 1))) };
}
