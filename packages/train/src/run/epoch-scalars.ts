import { type LossTerms, termsOf } from "../trainer/loss-setting.js";
import type { EpochRecord } from "./epoch-record.js";

/**
 * The values of an epoch by TensorBoard tag. What stands before the slash is a group of charts: losses together, and
 * each reading of Dice by itself, a chart a class.
 * @param classes names, background first.
 * @param terms what the losses are; those of Dice-CE by default.
 */
export function epochScalars(
  record: EpochRecord,
  classes: readonly string[],
  { crossEntropy, diceLoss }: LossTerms = termsOf("dice-ce"),
): Record<string, number | null> {
  const { training, validation } = record;
  const dice = {
    "Dice, training, soft": training.dice,
    "Dice, validation, mean over slices": validation.dice.sliceMean,
    "Dice, validation, mean over slices with the class": validation.dice.foregroundSliceMean,
    "Dice, validation, pooled over voxels": validation.dice.pooled,
    "Dice, validation, mean over cases": validation.dice.perCase,
  };
  return {
    "loss/training": training.loss,
    "loss/validation": validation.loss,
    [`${tagOf(crossEntropy.name)}/training`]: training.crossEntropy,
    [`${tagOf(crossEntropy.name)}/validation`]: validation.crossEntropy,
    [`${tagOf(diceLoss.name)}/training`]: training.diceLoss,
    [`${tagOf(diceLoss.name)}/validation`]: validation.diceLoss,
    "schedule/learning rate": record.learningRate,
    "speed/slices per second": record.slicesPerSecond,
    "speed/share of time waited for data": record.waitedShare,
    ...Object.fromEntries(
      Object.entries(dice).flatMap(([group, values]) =>
        values.map((value, c) => [`${group}/${classes[c] ?? `class ${c}`}`, value]),
      ),
    ),
  };
}

/** A name inside a line of text: "Cross-entropy" is "cross-entropy", but people's names stay as they are. */
const tagOf = (name: string): string => (/^(Dice|Tversky)/.test(name) ? name : name[0]?.toLowerCase() + name.slice(1));
