import type { ZScores } from "./z-scores.js";

/** What turns stored integers back into HU, or into z-scores: stored · scale + offset. */
export interface Quantization {
  readonly scale: number;
  readonly offset: number;
}

/** HU that become 0 and 1, or z-scores that are clipped to. */
export type Window = readonly [low: number, high: number];

/** What a channel is stored for. */
export interface StoredFor {
  readonly window: Window;
  /** Whether the window is one of the z-scores of each image; off by default. */
  readonly inZScores?: boolean;
}

export const exact: Quantization = { scale: 1, offset: 0 };

/** The limits of int16. */
const [least, most] = [-32_768, 32_767];

/** The steps of int16 that half a window is spread over; a little is left outside, so that what is clipped stays outside. */
const spread = 32_000;

/**
 * Stores a slice of HU as int16 for the GPU. It is the one way from HU to what a network sees, in training as in
 * prediction, and depends on nothing but the slice and the window: no voxel elsewhere in the volume has an influence.
 *
 * Values are taken as float32. Where all values inside the window are integers that int16 holds, they are stored as
 * they are; else the window is spread over int16 in steps of 1/64,000. Values outside the window are clipped to
 * somewhere outside it, as the network's input is clipped anyway.
 * @param into as many as there are values.
 * @param zScores of the image that the slice is of, where the window is one of its z-scores: the quantization gives these.
 * @throws RangeError when a value is NaN.
 */
export function storeSlice(
  values: ArrayLike<number>,
  window: Window,
  into: Int16Array,
  zScores?: ZScores,
): Quantization {
  if (zScores === undefined) return storedFor(values, window, into);
  const { mean, deviation } = zScores;
  const [low, high] = window;
  return toZScores(storedFor(values, [mean + low * deviation, mean + high * deviation], into), zScores);
}

/** What gives z-scores, by what gives HU. */
export const toZScores = ({ scale, offset }: Quantization, { mean, deviation }: ZScores): Quantization => ({
  scale: scale / deviation,
  offset: (offset - mean) / deviation,
});

function storedFor(values: ArrayLike<number>, window: Window, into: Int16Array): Quantization {
  if (keptExactly(values, window, into)) return exact;
  const [low, high] = window;
  const scale = (high - low) / (2 * spread);
  const offset = (high + low) / 2;
  for (let i = 0; i < values.length; i++) {
    const value = Math.fround(values[i] as number);
    if (Number.isNaN(value)) throw new RangeError(`a slice holds NaN at pixel ${i}; every pixel must be a number`);
    const steps = (value - offset) / scale;
    into[i] = steps <= least ? least : steps >= most ? most : Math.round(steps);
  }
  return { scale, offset };
}

/** Whether int16 holds what the window shows of a slice as it is; it is in `into` then. */
function keptExactly(values: ArrayLike<number>, [low, high]: Window, into: Int16Array): boolean {
  if (values instanceof Int16Array || values instanceof Uint8Array || values instanceof Int8Array) {
    into.set(values);
    return true;
  }
  for (let i = 0; i < values.length; i++) {
    const value = Math.fround(values[i] as number);
    const whole = value | 0;
    if (whole === value && whole >= least && whole <= most) into[i] = whole;
    else if (value <= low && low >= least) into[i] = Math.max(Math.floor(value), least);
    else if (value >= high && high <= most) into[i] = Math.min(Math.ceil(value), most);
    else return false;
  }
  return true;
}

/** How the cache keeps the pixels of a volume: int16 where that holds all values as they are, float32 elsewhere. */
export type PixelType = "int16" | "float32";

export function pixelTypeOf(values: ArrayLike<number>): PixelType {
  if (values instanceof Int16Array || values instanceof Uint8Array || values instanceof Int8Array) return "int16";
  for (let i = 0; i < values.length; i++) {
    const value = Math.fround(values[i] as number);
    if (!Number.isInteger(value) || value < least || value > most) return "float32";
  }
  return "int16";
}

/**
 * Stores slices one after another, each in a slot of its own.
 * @param slotPixels even; from one slice to the next.
 * @param pixels where they are stored, two a word, from the beginning; what lies behind them, or in a slot behind its
 * slice, is left as it is. A new array by default.
 * @param zScores of the image that the slices are of, as {@link storeSlice} takes them.
 * @returns the quantization of each slice.
 * @throws RangeError as {@link storeSlice}.
 */
export function storeSlices(
  slices: readonly ArrayLike<number>[],
  slotPixels: number,
  window: Window,
  pixels: Uint32Array<ArrayBuffer> = new Uint32Array((slices.length * slotPixels) / 2),
  zScores?: ZScores,
): { readonly pixels: Uint32Array<ArrayBuffer>; readonly quantizations: readonly Quantization[] } {
  const stored = new Int16Array(pixels.buffer, pixels.byteOffset, 2 * pixels.length);
  const quantizations = slices.map((slice, n) =>
    storeSlice(slice, window, stored.subarray(n * slotPixels, n * slotPixels + slice.length), zScores),
  );
  return { pixels, quantizations };
}
