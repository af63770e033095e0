import { DataError } from "./data-error.js";
import { shuffled } from "./random.js";
import { plural } from "./text/plural.js";

/** One of the parts of a cross-validation. */
export interface Fold {
  /** From 0. */
  readonly index: number;
  /** How many folds there are, 2 or more. */
  readonly of: number;
}

/** Names of the cases to train and to validate on, each list in name order. */
export interface CaseSplit {
  readonly training: readonly string[];
  readonly validation: readonly string[];
}

/** How cases are split. */
export interface SplitOptions {
  /** Share of the cases to train on, above 0 and below 1; 0.8 if not given. */
  readonly trainFraction?: number;
  readonly seed: number;
}

/** Names as they are shuffled before they are split. */
function shuffledNames(names: readonly string[], seed: number): string[] {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new DataError(`the case "${twice}" comes twice; case names must differ to be split`);
  if (names.length < 2)
    throw new DataError(
      `a split into training and validation needs at least 2 cases, but there ${names.length === 1 ? "is 1" : "are none"}`,
    );
  return shuffled([...names].sort(), seed, "split");
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
  const order = shuffledNames(names, seed);
  // 0.29 · 100 is 28.999999999999996 in floating point.
  const wanted = Math.floor(trainFraction * names.length + 1e-9);
  const count = Math.min(Math.max(wanted, 1), names.length - 1);
  return { training: order.slice(0, count).sort(), validation: order.slice(count).sort() };
}

/**
 * The split of one fold of a cross-validation: of n shuffled cases the fold validates on those from ⌊i·n/k⌋ to
 * ⌊(i + 1)·n/k⌋ and trains on the rest, so each case is held out by one fold. It depends on the names and the seed, not on
 * the order of the names.
 *
 * Throws DataError for fewer than two cases, a name that comes twice, more folds than cases, or a fold that is none.
 */
export function splitFold(names: readonly string[], { index, of }: Fold, seed: number): CaseSplit {
  if (!(Number.isInteger(of) && of >= 2 && Number.isInteger(index) && index >= 0 && index < of))
    throw new DataError(`a fold is one of 0 to ${Math.max(of, 2) - 1} of ${Math.max(of, 2)}, not ${index} of ${of}`);
  const order = shuffledNames(names, seed);
  requireEnough(names.length, of);
  const [first, end] = [index, index + 1].map((i) => Math.floor((i * names.length) / of));
  return {
    training: order.filter((_, i) => i < (first ?? 0) || i >= (end ?? 0)).sort(),
    validation: order.slice(first, end).sort(),
  };
}

function requireEnough(cases: number, folds: number): void {
  if (folds > cases)
    throw new DataError(`${plural(cases, "case")} cannot be split into ${folds} folds; take at most ${cases}`);
}

/** A case, and the kind of cases that it is one of, such as those that hold a tumor. */
export interface KindOfCase {
  readonly name: string;
  readonly kind: string;
}

/**
 * The cases that each fold of a cross-validation holds out, in name order. The cases of a kind are shuffled and dealt out in
 * turn, the rarest kind first, and each kind goes on where the one before it ended: folds differ by at most one case, in
 * all and of each kind. It depends on names, kinds and seed, not on the order of the cases.
 *
 * Throws DataError for fewer than two cases or folds, a name that comes twice, or more folds than cases.
 */
export function balancedFolds(cases: readonly KindOfCase[], of: number, seed: number): string[][] {
  if (!(Number.isInteger(of) && of >= 2)) throw new DataError(`a cross-validation has 2 folds or more, not ${of}`);
  const kinds = new Map(cases.map(({ name, kind }) => [name, kind]));
  const byKind = new Map<string, string[]>();
  for (const name of shuffledNames(
    cases.map((each) => each.name),
    seed,
  )) {
    const kind = kinds.get(name) ?? "";
    byKind.set(kind, [...(byKind.get(kind) ?? []), name]);
  }
  requireEnough(cases.length, of);
  const rarestFirst = [...byKind].sort(([a, x], [b, y]) => x.length - y.length || (a < b ? -1 : 1));
  const dealt = rarestFirst.flatMap(([, names]) => names);
  return Array.from({ length: of }, (_, fold) => dealt.filter((_name, i) => i % of === fold).sort());
}
