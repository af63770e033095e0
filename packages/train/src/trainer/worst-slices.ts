import type { SliceKey } from "@lobule/data";
import { type DiceCounts, scoresOf } from "@lobule/metrics";

/** Keeps the slices that were labeled worst of all that it is shown. */
export class WorstSlices {
  private ranked: readonly { readonly score: number; readonly key: SliceKey }[] = [];

  /** @param kept slices at most. */
  constructor(private readonly kept = 3) {}

  /** Looks at a slice. One where neither truth nor prediction have a class besides the background says nothing. */
  look(key: SliceKey, counts: DiceCounts): void {
    const { dice, predicted, target } = scoresOf(counts);
    const scores = dice.filter((_, c) => c > 0 && (predicted[c] ?? 0) + (target[c] ?? 0) > 0);
    if (scores.length === 0) return;
    const score = scores.reduce((sum, each) => sum + each, 0) / scores.length;
    this.ranked = [...this.ranked, { score, key }].toSorted((a, b) => a.score - b.score).slice(0, this.kept);
  }

  /** By their mean Dice over the classes that truth or prediction have, lowest first. */
  get slices(): readonly SliceKey[] {
    return this.ranked.map(({ key }) => key);
  }
}
