/**
 * Probability that a standard normal number lies further than `z` from 0, on either side: erfc(|z|/√2), to about
 * 13 digits.
 *
 * Source: Abramowitz and Stegun 1964, the series 7.1.6 for erf near 0 and the continued fraction 7.1.14 for erfc
 * further out.
 */
export function normalTwoSided(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  return x < 2 ? 1 - erfSeries(x) : erfcFraction(x);
}

/** erf x = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)). */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * Number.EPSILON; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** Terms after which the fraction stands still to the last digits for x ≥ 2. */
const fractionTerms = 80;

/** erfc x = e^(−x²)/√π · 1/(x + ½/(x + 1/(x + (3/2)/(x + …)))). */
function erfcFraction(x: number): number {
  let below = x;
  for (let n = fractionTerms; n > 0; n--) below = x + n / 2 / below;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / below;
}
