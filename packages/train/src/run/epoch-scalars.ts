import type { EpochRecord } from "./epoch-record.js";

/**
 * The values of an epoch by TensorBoard tag. What stands before the slash is a group of charts: losses together, and
 * each reading of Dice by itself, a chart a class.
 * @param classes names, background first.
 */
export function epochScalars(record: EpochRecord, classes: readonly string[]): Record<string, number | null> {
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
    "cross-entropy/training": training.crossEntropy,
    "cross-entropy/validation": validation.crossEntropy,
    "Dice loss/training": training.diceLoss,
    "Dice loss/validation": validation.diceLoss,
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
