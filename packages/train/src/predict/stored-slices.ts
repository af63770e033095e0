/** Slices as 16-bit integers, two a word, and what turns them back into HU: stored·scale + offset. */
export interface StoredSlices {
  readonly pixels: Uint32Array<ArrayBuffer>;
  readonly scale: number;
  readonly offset: number;
}

/** The range of int16 that a window is spread over; a little is left outside, so that what is clipped stays outside. */
const spread = 32_000;

/**
 * Stores slices of HU as int16 for the GPU. Integers are kept as they are; other values are rounded to 1/64,000 of the
 * window, and what lies outside it is clipped, as the network's input is anyway.
 * @param slotPixels even; from one slice to the next.
 */
export function storeSlices(
  slices: readonly ArrayLike<number>[],
  slotPixels: number,
  [low, high]: readonly [number, number],
): StoredSlices {
  const pixels = new Uint32Array((slices.length * slotPixels) / 2);
  const stored = new Int16Array(pixels.buffer);
  const whole = slices.every(areSmallIntegers);
  const scale = whole ? 1 : (high - low) / (2 * spread);
  const offset = whole ? 0 : (high + low) / 2;
  slices.forEach((slice, n) => {
    for (let i = 0; i < slice.length; i++) {
      const value = ((slice[i] as number) - offset) / scale;
      stored[n * slotPixels + i] = Math.round(Math.min(Math.max(value, -32_768), 32_767));
    }
  });
  return { pixels, scale, offset };
}

function areSmallIntegers(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!(Number.isInteger(value) && value >= -32_768 && value <= 32_767)) return false;
  }
  return true;
}
