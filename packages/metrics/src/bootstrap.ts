import { uniformStream } from "@lobule/data";
import { quantile } from "./quantile.js";

/** How a bootstrap interval is drawn. */
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

const defaults = { resamples: 2000, level: 0.95 };

/**
 * Percentile bootstrap interval of the mean. It depends on the seed, the purpose and the values, not on their order.
 * Null for fewer than two values, which say nothing of their spread.
 *
 * Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", section 13.3.
 */
export function bootstrapInterval(
  values: readonly number[],
  { seed, purpose, resamples = defaults.resamples, level = defaults.level }: BootstrapOptions,
): Interval | null {
  if (values.length < 2) return null;
  const resampledMean = meanSampler(values, uniformStream(seed, "bootstrap", purpose));
  return percentileInterval(Float64Array.from({ length: resamples }, resampledMean), level);
}

/**
 * Percentile bootstrap interval of the mean of `values` minus that of `others`, two samples that have nothing to do with
 * each other: both are resampled, each by itself. Null where one of them has fewer than two values.
 *
 * Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", section 8.3 and 13.3.
 */
export function bootstrapDifference(
  values: readonly number[],
  others: readonly number[],
  { seed, purpose, resamples = defaults.resamples, level = defaults.level }: BootstrapOptions,
): Interval | null {
  if (values.length < 2 || others.length < 2) return null;
  const resampledMean = meanSampler(values, uniformStream(seed, "bootstrap", purpose, "values"));
  const resampledOther = meanSampler(others, uniformStream(seed, "bootstrap", purpose, "others"));
  const differences = Float64Array.from({ length: resamples }, () => resampledMean() - resampledOther());
  return percentileInterval(differences, level);
}

/** Draws as many values as there are, with repetition, and takes their mean; the values' order does not matter. */
function meanSampler(values: readonly number[], next: () => number): () => number {
  const sorted = Float64Array.from(values).sort();
  return () => {
    let sum = 0;
    for (let drawn = 0; drawn < sorted.length; drawn++) sum += sorted[Math.floor(next() * sorted.length)] ?? 0;
    return sum / sorted.length;
  };
}

function percentileInterval(statistics: Float64Array, level: number): Interval {
  const sorted = statistics.sort();
  return [quantile(sorted, (1 - level) / 2), quantile(sorted, (1 + level) / 2)];
}
