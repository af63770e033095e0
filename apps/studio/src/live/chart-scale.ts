/** A point of a curve; y is null where there is no value. */
export interface Point {
  readonly x: number;
  readonly y: number | null;
}

/** Lowest and highest finite values; undefined where there are none. */
export function extentOf(values: Iterable<number | null>): readonly [number, number] | undefined {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value === null || !Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : undefined;
}

/** Round values that cover a range, `count` or a few less or more. */
export function ticksOf([low, high]: readonly [number, number], count: number): readonly number[] {
  const span = high > low ? high - low : Math.abs(high) || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const from = Math.floor(low / step + 1e-9);
  const to = Math.ceil(high / step - 1e-9);
  const ticks = Array.from({ length: to - from + 1 }, (_, i) => Number(((from + i) * step).toPrecision(12)));
  return ticks.length > 1 ? ticks : [low, low + step];
}

/** A tick as it is written, such as 0.25, 1,200 or 1e-4. */
export function tickText(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential().replace("e+", "e");
  return value.toLocaleString("en-US", { maximumFractionDigits: 6 });
}

/** Points of which each column of the picture keeps the lowest and the highest, in order: the curve looks the same. */
export function thinned(points: readonly Point[], columns: number): readonly Point[] {
  if (points.length <= 2 * columns) return points;
  const size = points.length / columns;
  return Array.from({ length: columns }, (_, i) => {
    const part = points.slice(Math.floor(i * size), Math.floor((i + 1) * size));
    const extent = extentOf(part.map(({ y }) => y));
    if (extent === undefined) return part.slice(0, 1);
    const [low, high] = extent.map((value) => part.findIndex(({ y }) => y === value)) as [number, number];
    return part.filter((_, at) => at === low || at === high);
  }).flat();
}

/** The points as an SVG path, which breaks where a value is missing. */
export function pathOf(points: readonly Point[], x: (value: number) => number, y: (value: number) => number): string {
  let path = "";
  let broken = true;
  for (const point of points) {
    if (point.y === null || !Number.isFinite(point.y)) {
      broken = true;
      continue;
    }
    path += `${broken ? "M" : "L"}${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`;
    broken = false;
  }
  return path;
}
