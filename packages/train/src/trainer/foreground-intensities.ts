import type { SliceCache, SliceKey, Window } from "@lobule/data";
import { quantile } from "@lobule/metrics";
import { ConfigError } from "./config-error.js";
import type { TrainingConfig } from "./config-schema.js";

/** What voxels with a label hold. */
export interface ForegroundIntensities {
  /** The 0.5th and the 99.5th percentile. */
  readonly range: Window;
  readonly mean: number;
  /** Standard deviation, of all of them. */
  readonly deviation: number;
}

/** Share of voxels left out at either end. Source: Isensee et al. 2021, nnU-Net. */
const tail = 0.005;
/** Where there are more voxels, percentiles are those of every second, third, … one, as they lie in memory. */
const mostVoxels = 2 ** 22;

/** The slices of a run. */
interface Source {
  readonly cache: Pick<SliceCache, "cases" | "labeled">;
  readonly cases: { readonly training: readonly number[] };
}

/**
 * Percentiles, mean and standard deviation of all voxels of the training cases whose label is not the background.
 * @param options the channel, and how many values percentiles are taken of, which is for tests.
 * @throws ConfigError when there is no such voxel, or all hold the same; DataError when a slice cannot be read.
 */
export async function foregroundIntensities(
  { data }: Pick<TrainingConfig, "data">,
  { cache, cases }: Source,
  { channel = 0, mostValues = mostVoxels }: { readonly channel?: number; readonly mostValues?: number } = {},
): Promise<ForegroundIntensities> {
  const slices = foregroundSlices(cache.cases, cases.training);
  const voxels = slices.reduce((sum, { count }) => sum + count, 0);
  if (voxels === 0) {
    throw new ConfigError(
      `${data}: no training case has a voxel with a label, so there is no foreground to normalize by; leave out --normalization foreground`,
    );
  }
  const stride = Math.ceil(voxels / mostValues);
  const kept = new Float64Array(Math.ceil(voxels / stride));
  let [seen, mean, squares] = [0, 0, 0];
  for (const { key } of slices) {
    const { values, labels } = await cache.labeled(key, channel);
    for (let i = 0; i < values.length; i++) {
      if (labels[i] === 0) continue;
      const value = values[i] as number;
      if (seen % stride === 0) kept[seen / stride] = value;
      seen += 1;
      // Welford 1962, "Note on a Method for Calculating Corrected Sums of Squares and Products".
      const distance = value - mean;
      mean += distance / seen;
      squares += distance * (value - mean);
    }
  }
  const sorted = kept.sort();
  const deviation = Math.sqrt(squares / voxels);
  if (!(deviation > 0)) {
    throw new ConfigError(
      `${data}: all voxels with a label hold the value ${mean}, which leaves nothing to normalize by; leave out --normalization foreground`,
    );
  }
  return { range: [quantile(sorted, tail), quantile(sorted, 1 - tail)], mean, deviation };
}

/** Slices that have voxels with a label, and how many. */
function foregroundSlices(cases: SliceCache["cases"], numbers: readonly number[]) {
  const found: { readonly key: SliceKey; readonly count: number }[] = [];
  for (const number of numbers) {
    for (const [slice, [, ...counts]] of (cases[number]?.labelCounts ?? []).entries()) {
      const count = counts.reduce((sum, each) => sum + each, 0);
      if (count > 0) found.push({ key: { case: number, slice }, count });
    }
  }
  return found;
}
