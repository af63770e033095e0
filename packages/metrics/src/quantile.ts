/**
 * The value below which a fraction of the values lies, by linear interpolation between the two nearest of them.
 * `sorted` rises, holds at least one value, all finite; `fraction` is from 0 to 1.
 *
 * Source: Hyndman and Fan 1996, definition 7; numpy's default.
 */
export function quantile(sorted: Float64Array, fraction: number): number {
  const position = fraction * (sorted.length - 1);
  const below = Math.floor(position);
  const lower = sorted[below] ?? Number.NaN;
  const upper = sorted[Math.min(below + 1, sorted.length - 1)] ?? Number.NaN;
  return lower + (position - below) * (upper - lower);
}
