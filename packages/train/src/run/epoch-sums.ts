/** What a training step measures, as means over slices. */
export interface LossMeans {
  readonly loss: number;
  /** The term by pixels: cross-entropy or what the loss of the run has in its place (weighted, focal). */
  readonly pixelLoss: number;
  /** The term by overlap: Dice loss, or Tversky loss where that is the loss of the run. */
  readonly overlapLoss: number;
  /** Soft Dice by class, background first. */
  readonly dice: readonly number[];
}

/** Sums of means over slices, each slice weighing the same. */
export interface EpochSums extends LossMeans {
  readonly slices: number;
}

/** Sums before the first step of an epoch. */
export const noSums: EpochSums = { slices: 0, loss: 0, pixelLoss: 0, overlapLoss: 0, dice: [] };

/** The sums with those of the means over `slices` more slices. */
export const addedTo = (sums: EpochSums, slices: number, means: LossMeans): EpochSums => ({
  slices: sums.slices + slices,
  loss: sums.loss + slices * means.loss,
  pixelLoss: sums.pixelLoss + slices * means.pixelLoss,
  overlapLoss: sums.overlapLoss + slices * means.overlapLoss,
  dice: means.dice.map((mean, c) => (sums.dice[c] ?? 0) + slices * mean),
});

/** Means over the slices counted so far; NaN before the first. */
export const meansOf = ({ slices, loss, pixelLoss, overlapLoss, dice }: EpochSums): LossMeans => ({
  loss: loss / slices,
  pixelLoss: pixelLoss / slices,
  overlapLoss: overlapLoss / slices,
  dice: dice.map((sum) => sum / slices),
});

/** Means of a step over the slices of some of its parts. */
export interface StepMetrics {
  readonly slices: number;
  readonly means: LossMeans;
}

/** Means over the slices of the parts before and of the next one; nothing before the first. */
export function together(before: StepMetrics | undefined, next: StepMetrics): StepMetrics {
  const slices = (before?.slices ?? 0) + next.slices;
  const mean = (old: number | undefined, value: number): number =>
    ((old ?? 0) * (before?.slices ?? 0) + value * next.slices) / slices;
  const { means } = next;
  return {
    slices,
    means: {
      loss: mean(before?.means.loss, means.loss),
      pixelLoss: mean(before?.means.pixelLoss, means.pixelLoss),
      overlapLoss: mean(before?.means.overlapLoss, means.overlapLoss),
      dice: means.dice.map((value, c) => mean(before?.means.dice[c], value)),
    },
  };
}
