import { type EpochRecord, type LossTerms, termsOf } from "@lobule/train";

/** Values by TensorBoard tag, a set for each of the two series that a run is shown as. */
export interface SeriesScalars {
  readonly training: Readonly<Record<string, number | null>>;
  readonly validation: Readonly<Record<string, number | null>>;
}

/**
 * The values of an epoch by TensorBoard tag. What stands before the slash is a group of charts. Where training and
 * validation have the same tag, TensorBoard draws them into one chart; readings of Dice have a group each.
 * @param classes names, background first.
 * @param terms what the losses are; those of Dice-CE by default.
 */
export function epochScalars(
  { training, validation, ...record }: EpochRecord,
  classes: readonly string[],
  terms: LossTerms = termsOf("dice-ce"),
): SeriesScalars {
  const byClass = (group: string, values: readonly (number | null)[]): [string, number | null][] =>
    values.map((value, c) => [`${group}/${classes[c] ?? `class ${c}`}`, value]);
  return {
    training: {
      ...lossScalars(training, terms, "epoch"),
      "speed/slices per second": record.slicesPerSecond,
      "speed/share of time waited for data": record.waitedShare,
      ...Object.fromEntries(byClass("Dice, soft, of training batches", training.dice)),
    },
    validation: {
      ...lossScalars(validation, terms, "epoch"),
      ...Object.fromEntries([
        ...byClass("Dice, mean over slices", validation.dice.sliceMean),
        ...byClass("Dice, mean over slices with the class", validation.dice.foregroundSliceMean),
        ...byClass("Dice, pooled over voxels", validation.dice.pooled),
        ...byClass("Dice, mean over cases", validation.dice.perCase),
      ]),
    },
  };
}

/** The losses of an epoch, or of some steps, by tag. */
export const lossScalars = (
  losses: Readonly<Record<"loss" | "pixelLoss" | "overlapLoss", number>>,
  { pixelLoss, overlapLoss }: LossTerms,
  by: "epoch" | "step",
): Record<string, number> => ({
  [`loss/by ${by}`]: losses.loss,
  [`${tagOf(pixelLoss.name)}/by ${by}`]: losses.pixelLoss,
  [`${tagOf(overlapLoss.name)}/by ${by}`]: losses.overlapLoss,
});

/** A name inside a line of text: "Cross-entropy" is "cross-entropy", but people's names stay as they are. */
const tagOf = (name: string): string => (/^(Dice|Tversky)/.test(name) ? name : name[0]?.toLowerCase() + name.slice(1));
