/** Pixels by class: where prediction and target agree, in the prediction, in the target. */
export interface DiceCounts {
  readonly intersection: readonly number[];
  readonly predicted: readonly number[];
  readonly target: readonly number[];
}

/** Dice by class under both conventions for what is empty, and their means. */
export interface DiceScores extends DiceCounts {
  /** 2I/(P + T); 1 where the class is in neither, so 0 where it is in one of them only. */
  readonly dice: readonly number[];
  /** The same, but null where the target has none of the class. */
  readonly diceIgnoreEmpty: readonly (number | null)[];
  readonly meanAll: number;
  /** Over all classes but the background, class 0. Null where that is the only one. */
  readonly meanForeground: number | null;
  /** Over the classes that are not null. Null where all are. */
  readonly meanAllIgnoreEmpty: number | null;
  readonly meanForegroundIgnoreEmpty: number | null;
}

/**
 * Counts what Dice scores are made of.
 * @throws RangeError when the lengths differ or a label is no class.
 */
export function diceCounts(prediction: ArrayLike<number>, target: ArrayLike<number>, classes: number): DiceCounts {
  if (prediction.length !== target.length) {
    throw new RangeError(`diceCounts: the prediction has ${prediction.length} pixels, the target ${target.length}`);
  }
  // One counter for each pair of labels: volumes have 10⁸ voxels.
  const pairs = new Float64Array(classes * classes);
  for (let i = 0; i < prediction.length; i++) {
    const [p, t] = [prediction[i] as number, target[i] as number];
    if (p >>> 0 !== p || t >>> 0 !== t || p >= classes || t >= classes) {
      throw new RangeError(
        `diceCounts: pixel ${i} has prediction ${p} and target ${t}, classes are 0 to ${classes - 1}`,
      );
    }
    const pair = p * classes + t;
    pairs[pair] = (pairs[pair] as number) + 1;
  }
  const all = Array.from({ length: classes }, (_, c) => c);
  const count = (p: number, t: number): number => pairs[p * classes + t] ?? 0;
  const total = (counts: readonly number[]): number => counts.reduce((sum, each) => sum + each, 0);
  return {
    intersection: all.map((c) => count(c, c)),
    predicted: all.map((p) => total(all.map((t) => count(p, t)))),
    target: all.map((t) => total(all.map((p) => count(p, t)))),
  };
}

/** Counts of several images or cases, pooled. @throws RangeError when they have different numbers of classes. */
export function pooledCounts(counts: readonly DiceCounts[]): DiceCounts {
  const classes = counts[0]?.target.length ?? 0;
  if (counts.some(({ target }) => target.length !== classes))
    throw new RangeError("pooledCounts: the numbers of classes differ");
  const total = (key: keyof DiceCounts): number[] =>
    Array.from({ length: classes }, (_, c) => counts.reduce((sum, each) => sum + (each[key][c] ?? 0), 0));
  return { intersection: total("intersection"), predicted: total("predicted"), target: total("target") };
}

/**
 * Dice scores of counts: dice = 2I/(P + T).
 *
 * Source: Dice 1945; the two conventions are MONAI's DiceMetric with ignore_empty false and true.
 */
export function scoresOf(counts: DiceCounts): DiceScores {
  const { intersection, predicted, target } = counts;
  const dice = target.map((t, c) => {
    const size = t + (predicted[c] ?? 0);
    return size === 0 ? 1 : (2 * (intersection[c] ?? 0)) / size;
  });
  const diceIgnoreEmpty = dice.map((score, c) => (target[c] === 0 ? null : score));
  return {
    ...counts,
    dice,
    diceIgnoreEmpty,
    meanAll: mean(dice) ?? 0,
    meanForeground: mean(dice.slice(1)),
    meanAllIgnoreEmpty: mean(diceIgnoreEmpty),
    meanForegroundIgnoreEmpty: mean(diceIgnoreEmpty.slice(1)),
  };
}

/** {@link scoresOf} the counts of one prediction. Labels are class indices from 0. @throws RangeError as diceCounts. */
export const diceScores = (prediction: ArrayLike<number>, target: ArrayLike<number>, classes: number): DiceScores =>
  scoresOf(diceCounts(prediction, target, classes));

/** Means over cases, class by class, under both conventions. */
export function meanDiceByClass(cases: readonly DiceScores[]): {
  readonly dice: readonly (number | null)[];
  readonly diceIgnoreEmpty: readonly (number | null)[];
} {
  const classes = Math.max(0, ...cases.map(({ dice }) => dice.length));
  const over = (key: "dice" | "diceIgnoreEmpty"): (number | null)[] =>
    Array.from({ length: classes }, (_, c) => mean(cases.map((each) => each[key][c] ?? null)));
  return { dice: over("dice"), diceIgnoreEmpty: over("diceIgnoreEmpty") };
}

/** Mean of what is there; null when nothing is. */
function mean(values: readonly (number | null)[]): number | null {
  const present = values.filter((value) => value !== null);
  return present.length === 0 ? null : present.reduce((sum, value) => sum + value, 0) / present.length;
}
