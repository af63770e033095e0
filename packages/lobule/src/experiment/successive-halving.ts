import { meanOf } from "@lobule/metrics";
import type { EpochRecord } from "@lobule/train";

/** A variant at a rung. */
export interface RungScore {
  readonly variant: string;
  /** Mean over its runs; null where a run has none, because it failed or its loss is not finite. */
  readonly score: number | null;
}

/** One comparison of a successive halving: the variants after so many epochs. */
export interface Rung {
  readonly epochs: number;
  /** The best first. */
  readonly scores: readonly RungScore[];
  /** Variants that stop here. */
  readonly stopped: readonly string[];
}

/**
 * What a run is ranked by at a rung: the validation loss, or the mean over the classes but the background of the per-case
 * Dice, in the rung's last epoch (or its own last one, where early stopping ended it before). Null without a record.
 */
export function scoreAt(records: readonly EpochRecord[], epochs: number, by: "dice" | "loss"): number | null {
  const record = records.filter(({ epoch }) => epoch < epochs).at(-1);
  if (record === undefined) return null;
  const { loss, dice } = record.validation;
  if (by === "loss") return Number.isFinite(loss) ? loss : null;
  return meanOf(dice.perCase.slice(1).filter((each) => each !== null)).value;
}

/**
 * Decides which variants stop at a rung: of n that are ranked the best ⌈keep·n⌉ continue. The baseline is scored but never
 * stops, since the comparison needs it. Of equal variants the one named first in the experiment goes first.
 *
 * Source: Jamieson and Talwalkar 2016, "Non-stochastic best arm identification and hyperparameter optimization" (there
 * the better half continues).
 * @param scores a score of each run of each variant, the baseline first.
 */
export function decideRung(
  scores: ReadonlyMap<string, readonly (number | null)[]>,
  { epochs, keep, by }: { readonly epochs: number; readonly keep: number; readonly by: "dice" | "loss" },
): Rung {
  const [baseline] = scores.keys();
  const means = [...scores].map(([variant, values]): RungScore => {
    const present = values.filter((value) => value !== null);
    return { variant, score: present.length === values.length ? meanOf(present).value : null };
  });
  const worth = ({ score }: RungScore): number =>
    score === null ? Number.NEGATIVE_INFINITY : by === "dice" ? score : -score;
  const ranked = means.toSorted((a, b) => (worth(a) === worth(b) ? 0 : worth(b) - worth(a)));
  const others = ranked.filter(({ variant }) => variant !== baseline);
  // 0.1 · 30 is 3.0000000000000004 in floating point.
  const kept = Math.ceil(keep * others.length - 1e-9);
  return { epochs, scores: ranked, stopped: others.slice(kept).map(({ variant }) => variant) };
}
