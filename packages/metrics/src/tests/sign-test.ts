/** How many differences are above, below and at 0, and what the test makes of them. */
export interface SignTest {
  readonly positive: number;
  readonly negative: number;
  readonly zero: number;
  /** Two-sided; 1 where no difference is left. */
  readonly p: number;
}

/**
 * Exact two-sided sign test of paired differences: are both signs equally likely? Differences of 0 are left out.
 * p = min(1, 2·P(X ≤ min(positive, negative))) for X binomial with n = positive + negative and ½.
 *
 * Source: Conover 1999, "Practical Nonparametric Statistics", section 3.4.
 */
export function signTest(differences: readonly number[]): SignTest {
  const positive = differences.filter((difference) => difference > 0).length;
  const negative = differences.filter((difference) => difference < 0).length;
  const n = positive + negative;
  // In logarithms, since ½ⁿ has no place among the numbers for n above 1074.
  let logTerm = -n * Math.LN2;
  let tail = Math.exp(logTerm);
  for (let k = 1; k <= Math.min(positive, negative); k++) {
    logTerm += Math.log((n - k + 1) / k);
    tail += Math.exp(logTerm);
  }
  return { positive, negative, zero: differences.length - n, p: Math.min(1, 2 * tail) };
}
