import { uniformStream } from "@lobule/data";
import { quantile } from "./quantile.js";

export interface BootstrapOptions {
  readonly seed: number;
  /** What the interval is of: intervals with other purposes draw other resamples. */
  readonly purpose: string;
  /** Resamples to draw; 2000 by default. */
  readonly resamples?: number;
  /** Share of the resampled means inside the interval; 0.95 by default. */
  readonly level?: number;
}

/** Lower and upper end. */
export type Interval = readonly [lower: number, upper: number];

/**
 * Percentile bootstrap interval of the mean. It depends on the seed, the purpose and the values, not on their order.
 * Null for fewer than two values, which say nothing of their spread.
 *
 * Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", section 13.3.
 */
export function bootstrapInterval(
  values: readonly number[],
  { seed, purpose, resamples = 2000, level = 0.95 }: BootstrapOptions,
): Interval | null {
  if (values.length < 2) return null;
  const sorted = Float64Array.from(values).sort();
  const next = uniformStream(seed, "bootstrap", purpose);
  const means = Float64Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let drawn = 0; drawn < sorted.length; drawn++) sum += sorted[Math.floor(next() * sorted.length)] ?? 0;
    return sum / sorted.length;
  }).sort();
  return [quantile(means, (1 - level) / 2), quantile(means, (1 + level) / 2)];
}
