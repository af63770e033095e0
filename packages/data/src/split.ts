import { DataError } from "./data-error.js";
import { shuffled } from "./random.js";

/** Names of the cases to train and to validate on, each list in name order. */
export interface CaseSplit {
  readonly training: readonly string[];
  readonly validation: readonly string[];
}

export interface SplitOptions {
  /** Share of the cases to train on, above 0 and below 1; 0.8 if not given. */
  readonly trainFraction?: number;
  readonly seed: number;
}

/**
 * Splits cases at random, so that no patient is on both sides. It depends on the names and the seed, not on the order
 * of the names. ⌊fraction · n⌋ cases are for training (54 → 43 and 11, 216 → 172 and 44), but at least one is on
 * each side.
 *
 * Throws DataError for fewer than two cases, a name that comes twice, or a fraction outside (0, 1).
 */
export function splitCases(names: readonly string[], { trainFraction = 0.8, seed }: SplitOptions): CaseSplit {
  if (!(trainFraction > 0 && trainFraction < 1))
    throw new DataError(`the share of training cases must lie between 0 and 1, not ${trainFraction}`);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new DataError(`the case "${twice}" comes twice; case names must differ to be split`);
  if (names.length < 2)
    throw new DataError(
      `a split into training and validation needs at least 2 cases, but there ${names.length === 1 ? "is 1" : "are none"}`,
    );
  const order = shuffled([...names].sort(), seed, "split");
  // 0.29 · 100 is 28.999999999999996 in floating point.
  const wanted = Math.floor(trainFraction * names.length + 1e-9);
  const count = Math.min(Math.max(wanted, 1), names.length - 1);
  return { training: order.slice(0, count).sort(), validation: order.slice(count).sort() };
}
