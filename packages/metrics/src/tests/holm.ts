/**
 * The p values of a family of tests, adjusted so that the chance of even one false rejection stays below the level that
 * they are held against: of the i-th smallest of m, max over j ≤ i of min(1, (m − j + 1)·p_j). In the order given.
 *
 * Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
 */
export function holmAdjusted(values: readonly number[]): number[] {
  const rising = values.map((p, at) => ({ p, at })).sort((a, b) => a.p - b.p);
  const adjusted = [...values];
  let least = 0;
  rising.forEach(({ p, at }, i) => {
    least = Math.max(least, Math.min(1, (rising.length - i) * p));
    adjusted[at] = least;
  });
  return adjusted;
}
