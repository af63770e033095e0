/** Places of the marks of an axis, and their texts. */
export interface Axis {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
}

/** The smallest of 1, 2, 5 times a power of ten that is not below `value`. */
function niceStep(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  // Of 3 · 0.1 and 0.30000000000000004 the same must come, hence the margin.
  return ([1, 2, 5].find((factor) => factor * power >= value * (1 - 1e-9)) ?? 10) * power;
}

/** An axis from a round number to a round number around all values, with at most `most` + 1 marks. */
export function linearAxis(values: readonly number[], most: number): Axis {
  const [low, high] = withExtent(Math.min(...values), Math.max(...values));
  const step = niceStep((high - low) / (most - 1));
  const first = Math.floor(low / step + 1e-9);
  // Plus 0, so that a rounded −0.5 is 0 and not −0.
  const last = Math.ceil(high / step - 1e-9) + 0;
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => {
    const value = (first + i) * step;
    return { value, text: tickText(value, step) };
  });
  return { from: first * step, to: last * step, ticks };
}

/** Limits that lie apart, also where all values are about the same. */
function withExtent(low: number, high: number): readonly [number, number] {
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (size < 1e-300) return [0, 1];
  return high - low > size * 1e-9 ? [low, high] : [low - size / 2, high + size / 2];
}

/** A mark's number with as many digits as tell it from its neighbors. */
function tickText(value: number, step: number): string {
  const power = Math.floor(Math.log10(step) + 1e-9);
  if (Math.abs(value) < step / 2) return (0).toFixed(power < 0 && power >= -4 ? -power : 0);
  const text =
    power < -4 || power > 4 ? String(Number(value.toPrecision(6)).toExponential()) : value.toFixed(Math.max(0, -power));
  return text.replace("e+", "e").replaceAll("-", "−");
}

/** An axis of whole numbers from `first` to `last`, half a number of room where they are one. */
export function wholeAxis(first: number, last: number, most: number): Axis {
  const step = Math.max(1, niceStep((last - first || 1) / most));
  const ticks: { value: number; text: string }[] = [];
  for (let value = Math.ceil(first / step) * step; value <= last; value += step) {
    ticks.push({ value, text: String(value) });
  }
  return first === last ? { from: first - 0.5, to: last + 0.5, ticks } : { from: first, to: last, ticks };
}

/** A logarithmic axis: a mark at each value that occurs, or at 1, 2 and 5 times powers of ten where those are many. */
export function logAxis(values: readonly number[], text: (value: number) => string): Axis {
  const distinct = [...new Set(values)].sort((a, b) => a - b);
  const [low = 1, high = 1] = [distinct[0], distinct.at(-1)];
  const [from, to] = [low / 1.4, high * 1.4];
  const powers = Array.from(
    { length: Math.ceil(Math.log10(to)) - Math.floor(Math.log10(from)) + 1 },
    (_, i) => 10 ** (Math.floor(Math.log10(from)) + i),
  );
  const factors = powers.length > 4 ? [1] : [1, 2, 5];
  const round = powers.flatMap((power) => factors.map((factor) => factor * power));
  const chosen = distinct.length <= 6 ? distinct : round.filter((value) => value >= from && value <= to);
  return { from, to, ticks: chosen.map((value) => ({ value, text: text(value) })) };
}
