import { ceilDivide, foldWorkgroups, type ImageShape, type Kernel } from "../contract/kernel.js";
import source from "./label-map.wgsl.js";

/** Where a source slice is in the network's field. */
export interface LabelField {
  /** Extents of the source slice. */
  readonly width: number;
  readonly height: number;
  /** Six numbers a, b, c, d, e, f: source (x, y) lies at (a·x + b·y + c, d·x + e·y + f) of the field, pixel centers at +½. */
  readonly transform: readonly [number, number, number, number, number, number];
}

/** Words that describe a field. */
export const wordsPerField = 8;

/** Fields in the form that the kernel reads: 8 words each, floats as their bits. */
export function packLabelFields(fields: readonly LabelField[]): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(fields.length * wordsPerField);
  const floats = new Float32Array(words.buffer);
  fields.forEach(({ width, height, transform }, n) => {
    words.set([width, height], n * wordsPerField);
    floats.set(transform, n * wordsPerField + 2);
  });
  return words;
}

/**
 * Labels, uint8, four a word [n, slotPixels / 4], of each slice on its own grid: the class whose bilinearly interpolated
 * score is largest, the first one among equals; 0 outside the network's field. Slot scores; bindings fields, labels.
 */
export function labelMap(shape: ImageShape, slotPixels: number): Kernel {
  const { batch, channels, height, width } = shape;
  return {
    name: "label-map",
    source,
    launches: [
      { sizes: { ...shape, slotPixels }, workgroups: [...foldWorkgroups(ceilDivide((batch * slotPixels) / 4, 64)), 1] },
    ],
    flops: batch * slotPixels * channels * 6,
    bytes: batch * (4 * channels * height * width + slotPixels),
  };
}
