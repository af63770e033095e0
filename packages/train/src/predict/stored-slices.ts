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
 * @param pixels where they are stored, from the beginning; what lies behind them, or in a slot behind its slice, is left
 * as it is. A new array by default.
 */
export function storeSlices(
  slices: readonly ArrayLike<number>[],
  slotPixels: number,
  [low, high]: readonly [number, number],
  pixels = new Uint32Array((slices.length * slotPixels) / 2),
): StoredSlices {
  const stored = new Int16Array(pixels.buffer, pixels.byteOffset, 2 * pixels.length);
  const slots = slices.map(({ length }, n) => stored.subarray(n * slotPixels, n * slotPixels + length));
  const whole = slices.every((slice, n) => keepsValues(slice, slots[n] as Int16Array));
  if (whole) return { pixels, scale: 1, offset: 0 };
  const scale = (high - low) / (2 * spread);
  const offset = (high + low) / 2;
  slices.forEach((slice, n) => {
    const slot = slots[n] as Int16Array;
    for (let i = 0; i < slice.length; i++) {
      const value = ((slice[i] as number) - offset) / scale;
      slot[i] = Math.round(Math.min(Math.max(value, -32_768), 32_767));
    }
  });
  return { pixels, scale, offset };
}

/** Whether int16 holds the values of a slice as they are; they are in the slot then. */
function keepsValues(slice: ArrayLike<number>, slot: Int16Array): boolean {
  slot.set(slice);
  if (slice instanceof Int16Array || slice instanceof Uint8Array || slice instanceof Int8Array) return true;
  for (let i = 0; i < slot.length; i++) if (slot[i] !== slice[i]) return false;
  return true;
}
