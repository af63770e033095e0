import { exact, type Quantization } from "./store-slice.js";

/**
 * Slices as the GPU reads them: two int16 pixels a word (low half first), four label bytes a word (lowest first). Of C
 * channels, channel c of slice n begins at pixel (n·C + c)·slotPixels and its labels at byte n·slotPixels; rows have the
 * slice's own width.
 */
export interface SliceBatch {
  readonly pixels: Uint32Array<ArrayBuffer>;
  readonly labels: Uint32Array<ArrayBuffer>;
  /** What turns the pixels of each channel of each slice back into HU, or into z-scores. */
  readonly quantizations: Quantization[];
}

/** Room for so many slices of a cache. */
export const allocateSliceBatch = (
  { slotPixels, channels }: { readonly slotPixels: number; readonly channels: number },
  count: number,
): SliceBatch => ({
  pixels: new Uint32Array((count * channels * slotPixels) / 2),
  labels: new Uint32Array((count * slotPixels) / 4),
  quantizations: Array<Quantization>(count * channels).fill(exact),
});
