import { normalTwoSided } from "./normal-tail.js";

/** Result of the signed-rank test. */
export interface WilcoxonTest {
  /** Differences that are not 0. */
  readonly n: number;
  /** Sums of the ranks of the positive and of the negative differences. */
  readonly positiveRanks: number;
  readonly negativeRanks: number;
  /** Whether p comes from the distribution itself or from its normal approximation. */
  readonly method: "exact" | "normal approximation";
  /** Two-sided; 1 where no difference is left. */
  readonly p: number;
}

/** Up to so many differences without ties p is exact. */
const exactUpTo = 25;

/**
 * Two-sided signed-rank test of paired differences: are they symmetric around 0? Differences of 0 are left out, equal
 * sizes share the mean of their ranks.
 *
 * Exact for at most 25 differences without ties, by counting the sets of ranks that have each sum. Else with
 * z = (W − n(n+1)/4) / √(n(n+1)(2n+1)/24 − Σ(t³ − t)/48), t the sizes of the groups of ties, without a correction for
 * continuity.
 *
 * Source: Wilcoxon 1945, "Individual comparisons by ranking methods"; Pratt and Gibbons 1981, "Concepts of Nonparametric
 * Theory", section 3.7, for ties and the exact distribution.
 */
export function wilcoxonSignedRank(differences: readonly number[]): WilcoxonTest {
  const present = differences.filter((difference) => difference !== 0).sort((a, b) => Math.abs(a) - Math.abs(b));
  const n = present.length;
  const groups = tieGroups(present.map(Math.abs));
  let [positiveRanks, negativeRanks, before] = [0, 0, 0];
  for (const size of groups) {
    const rank = before + (size + 1) / 2;
    const positive = present.slice(before, before + size).filter((difference) => difference > 0).length;
    positiveRanks += rank * positive;
    negativeRanks += rank * (size - positive);
    before += size;
  }
  const ranks = { n, positiveRanks, negativeRanks };
  const smaller = Math.min(positiveRanks, negativeRanks);
  if (n <= exactUpTo && groups.length === n) return { ...ranks, method: "exact", p: exactP(n, smaller) };
  const ties = groups.reduce((sum, size) => sum + size ** 3 - size, 0);
  const variance = (n * (n + 1) * (2 * n + 1)) / 24 - ties / 48;
  const z = (smaller - (n * (n + 1)) / 4) / Math.sqrt(variance);
  return { ...ranks, method: "normal approximation", p: normalTwoSided(z) };
}

/** Lengths of the runs of equal numbers in a rising list. */
function tieGroups(rising: readonly number[]): number[] {
  const groups: number[] = [];
  rising.forEach((value, i) => {
    if (i > 0 && value === rising[i - 1]) groups[groups.length - 1] = (groups.at(-1) ?? 0) + 1;
    else groups.push(1);
  });
  return groups;
}

/** min(1, 2·P(W ≤ smaller)): all of the 2ⁿ sets of ranks are equally likely. */
function exactP(n: number, smaller: number): number {
  const counts = new Float64Array((n * (n + 1)) / 2 + 1);
  counts[0] = 1;
  for (let rank = 1; rank <= n; rank++)
    for (let sum = counts.length - 1; sum >= rank; sum--) counts[sum] = (counts[sum] ?? 0) + (counts[sum - rank] ?? 0);
  const below = counts.subarray(0, smaller + 1).reduce((total, count) => total + count, 0);
  return Math.min(1, (2 * below) / 2 ** n);
}
