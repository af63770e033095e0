const [a, b] = [3 / 4, 3 / 2];

/**
 * What becomes of the three taps of a row of a weight for Winograd's F(4, 3): six sums of them, the polynomial of the taps at
 * 0, ±3/4, ±3/2 and ∞, each divided by what transforms/winograd.ts leaves out. See there.
 */
export const filterRows: readonly (readonly [number, number, number])[] = [
  [1 / (a * a * b * b), 0, 0],
  ...[a, -a].map((x) => row(x, 2 * a * a * (a * a - b * b))),
  ...[b, -b].map((x) => row(x, 2 * b * b * (b * b - a * a))),
  [0, 0, 1],
];

function row(x: number, divisor: number): readonly [number, number, number] {
  return [1 / divisor, x / divisor, (x * x) / divisor];
}

/** In an index of such a sum: which it is, and whether the taps are read backwards, from the index down. */
const rowUnit = 2 ** 28;
const backward = 2 ** 31;

/** The element of a table for {@link filterSum}: the sum `row` of the taps from `first` on, upwards or downwards. */
export const filterIndex = (first: number, row: number, backwards: boolean): number =>
  first + row * rowUnit + (backwards ? backward : 0);

/** The sum of three taps that an index from {@link filterIndex} stands for. */
export function filterSum(weight: ArrayLike<number>, index: number): number {
  const first = index % rowUnit;
  const step = index >= backward ? -1 : 1;
  const taps = filterRows[Math.floor(index / rowUnit) % 8] ?? [];
  return taps.reduce((sum, factor, k) => sum + factor * (weight[first + k * step] ?? 0), 0);
}
