import { bootstrapInterval, type Interval } from "./bootstrap.js";
import { type DiceCounts, scoresOf } from "./dice-scores.js";

/** What the slices of one case say of one class: all that the four readings of Dice need. */
export interface DiceTally {
  readonly slices: number;
  /** Sum of the slices' Dice, 1 for a slice with the class in neither truth nor prediction. */
  readonly sliceDiceSum: number;
  /** Slices whose truth has the class, and the sum of their Dice. */
  readonly foregroundSlices: number;
  readonly foregroundSliceDiceSum: number;
  /** Voxels of the whole case. */
  readonly intersection: number;
  readonly predicted: number;
  readonly target: number;
}

/** A mean and what it is over. Null where there is nothing to take the mean of. */
export interface Reading {
  readonly value: number | null;
  readonly n: number;
}

/** A mean over cases with its 95 % percentile bootstrap interval, null for fewer than two cases. */
export interface CaseReading extends Reading {
  readonly interval: Interval | null;
}

/**
 * Dice of one class in the four readings that go by that name, the last one with both rules for a case that lacks the
 * class. They differ widely on the same labels: never compare one with another. {@link emptyRules} says what becomes of
 * empty slices and cases.
 */
export interface DiceReadings {
  /** Mean over all slices; n slices. */
  readonly sliceMean: Reading;
  /** Mean over the slices whose truth has the class; n slices. */
  readonly foregroundSliceMean: Reading;
  /** 2ΣI/(ΣP + ΣT) over all voxels of all cases; n cases. */
  readonly pooled: Reading;
  /** Mean over cases of the Dice of a case's whole volume; n cases. */
  readonly perCase: CaseReading;
  /** The same over all cases, also those whose truth lacks the class. */
  readonly perCaseWithEmpty: CaseReading;
}

/** What each reading makes of slices and cases without the class. */
export const emptyRules: Readonly<Record<keyof DiceReadings, string>> = {
  sliceMean: "a slice with the class in neither truth nor prediction scores 1, in the prediction only 0",
  foregroundSliceMean: "slices whose truth lacks the class are left out",
  pooled: "no value if no truth and no prediction has the class",
  perCase: "cases whose truth lacks the class are left out",
  perCaseWithEmpty: "a case with the class in neither truth nor prediction scores 1, in the prediction only 0",
};

const emptyTally: DiceTally = {
  slices: 0,
  sliceDiceSum: 0,
  foregroundSlices: 0,
  foregroundSliceDiceSum: 0,
  intersection: 0,
  predicted: 0,
  target: 0,
};

/** Dice of a whole case, 2I/(P + T); 1 where the class is in neither truth nor prediction. */
export const caseDice = ({ intersection, predicted, target }: DiceTally): number =>
  predicted + target === 0 ? 1 : (2 * intersection) / (predicted + target);

/** Gathers the four readings of Dice slice by slice, so that no volume need be in memory. */
export class DiceAccumulator {
  readonly #cases = new Map<string, DiceTally[]>();

  /** `classes` is their number, the background, class 0, among them. */
  constructor(readonly classes: number) {}

  /**
   * Takes the counts of one slice. Slices of several cases may come in any order.
   * @throws RangeError when the counts are of another number of classes.
   */
  addSlice(caseName: string, counts: DiceCounts): void {
    const { dice, intersection, predicted, target } = scoresOf(counts);
    if ([intersection, predicted, target].some(({ length }) => length !== this.classes))
      throw new RangeError(`DiceAccumulator: ${caseName} has counts of ${target.length} classes, not ${this.classes}`);
    const before = this.#cases.get(caseName);
    const after = dice.map((score, c): DiceTally => {
      const tally = before?.[c] ?? emptyTally;
      const present = target[c] ? 1 : 0;
      return {
        slices: tally.slices + 1,
        sliceDiceSum: tally.sliceDiceSum + score,
        foregroundSlices: tally.foregroundSlices + present,
        foregroundSliceDiceSum: tally.foregroundSliceDiceSum + present * score,
        intersection: tally.intersection + (intersection[c] ?? 0),
        predicted: tally.predicted + (predicted[c] ?? 0),
        target: tally.target + (target[c] ?? 0),
      };
    });
    this.#cases.set(caseName, after);
  }

  /** What was gathered of each case, by class. */
  get cases(): ReadonlyMap<string, readonly DiceTally[]> {
    return this.#cases;
  }

  /** The readings by class, the background among them. The seed is the bootstrap's. */
  result({ seed = 0 }: { readonly seed?: number } = {}): readonly DiceReadings[] {
    const tallies = [...this.#cases.values()];
    return Array.from({ length: this.classes }, (_, c) =>
      diceReadings(
        tallies.map((each) => each[c] ?? emptyTally),
        seed,
      ),
    );
  }
}

/** The readings of one class from the tallies of its cases. The seed is the bootstrap's. */
export function diceReadings(cases: readonly DiceTally[], seed: number): DiceReadings {
  const total = (key: keyof DiceTally): number => cases.reduce((sum, tally) => sum + tally[key], 0);
  const ratio = (sum: number, n: number): number | null => (n === 0 ? null : sum / n);
  const overCases = (tallies: readonly DiceTally[], purpose: string): CaseReading => {
    const scores = tallies.map(caseDice);
    return { ...meanOf(scores), interval: bootstrapInterval(scores, { seed, purpose }) };
  };
  return {
    sliceMean: { value: ratio(total("sliceDiceSum"), total("slices")), n: total("slices") },
    foregroundSliceMean: {
      value: ratio(total("foregroundSliceDiceSum"), total("foregroundSlices")),
      n: total("foregroundSlices"),
    },
    pooled: { value: ratio(2 * total("intersection"), total("predicted") + total("target")), n: cases.length },
    perCase: overCases(
      cases.filter(({ target }) => target > 0),
      "Dice of cases",
    ),
    perCaseWithEmpty: overCases(cases, "Dice of all cases"),
  };
}

/** Mean of the values that are there, and how many those are. */
export function meanOf(values: readonly (number | null)[]): Reading {
  const present = values.filter((value) => value !== null);
  const sum = present.reduce((total, value) => total + value, 0);
  return { value: present.length === 0 ? null : sum / present.length, n: present.length };
}
