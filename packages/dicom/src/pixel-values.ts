import type { VoxelArray } from "@lobule/data";
import { countOf, type DicomAttributes, numberOr, tags } from "./attributes.js";
import { DicomError } from "./dicom-error.js";

/** How a pixel is stored. */
export interface PixelFormat {
  readonly allocated: 8 | 16;
  readonly stored: number;
  readonly highBit: number;
  readonly isSigned: boolean;
}

/** @throws DicomError where pixels are stored in another way than in 8 or 16 bits. */
export function pixelFormatOf(path: string, attributes: DicomAttributes): PixelFormat {
  const allocated = countOf(path, attributes, tags.bitsAllocated, "bits allocated");
  const stored = numberOr(attributes, tags.bitsStored, allocated);
  const highBit = numberOr(attributes, tags.highBit, stored - 1);
  if (
    (allocated !== 8 && allocated !== 16) ||
    stored < 1 ||
    stored > allocated ||
    highBit < stored - 1 ||
    highBit >= allocated
  ) {
    throw new DicomError(`${path} stores ${stored} of ${allocated} bits a pixel, where 8 or 16 are expected`);
  }
  return { allocated, stored, highBit, isSigned: numberOr(attributes, tags.signed, 0) === 1 };
}

/** Stored pixels after slope and intercept, int16 where that holds them all. */
export function valuesOf(
  { allocated, stored, highBit, isSigned }: PixelFormat,
  attributes: DicomAttributes,
  pixels: Uint8Array,
): VoxelArray {
  const [slope, intercept] = [numberOr(attributes, tags.slope, 1), numberOr(attributes, tags.intercept, 0)];
  const view = new DataView(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  const left = 32 - 1 - highBit;
  const values = new Float64Array((8 * pixels.length) / allocated);
  let isWhole = true;
  for (let i = 0; i < values.length; i++) {
    const raw = allocated === 8 ? view.getUint8(i) : view.getUint16(2 * i, true);
    // Bits above the highest are no part of the value; the sign is that of the highest.
    const value = isSigned ? (raw << left) >> (32 - stored) : (raw << left) >>> (32 - stored);
    const scaled = slope * value + intercept;
    values[i] = scaled;
    isWhole &&= Number.isInteger(scaled) && scaled >= -32_768 && scaled <= 32_767;
  }
  return isWhole ? Int16Array.from(values) : Float32Array.from(values);
}
