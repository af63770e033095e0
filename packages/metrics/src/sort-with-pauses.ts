import type { Pauses } from "@lobule/data";

/** Numbers that are sorted at a time, a few milliseconds' work. */
const numbersAtOnce = 2 ** 15;

/** Puts numbers in rising order as `sort` does, with pauses: sorted pieces are merged, twice as long each time. */
export async function sortWithPauses(
  numbers: Float64Array<ArrayBuffer>,
  pauses: Pauses,
): Promise<Float64Array<ArrayBuffer>> {
  const { length } = numbers;
  for (let first = 0; first < length; first += numbersAtOnce) {
    numbers.subarray(first, first + numbersAtOnce).sort();
    if (pauses.due) await pauses.take();
  }
  let [from, to] = [numbers, length > numbersAtOnce ? new Float64Array(length) : numbers];
  for (let piece = numbersAtOnce; piece < length; piece *= 2) {
    for (let first = 0; first < length; first += 2 * piece) {
      const middle = Math.min(first + piece, length);
      const end = Math.min(first + 2 * piece, length);
      for (let [at, left, right] = [first, first, middle]; at < end; ) {
        const stop = Math.min(at + numbersAtOnce, end);
        for (; at < stop; at++) {
          const isLeft = left < middle && (right === end || (from[left] as number) <= (from[right] as number));
          to[at] = from[isLeft ? left++ : right++] as number;
        }
        if (pauses.due) await pauses.take();
      }
    }
    [from, to] = [to, from];
  }
  return from;
}
