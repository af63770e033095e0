import { ceilDivide, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import labelsSource from "./slice-labels.wgsl.js";
import imageSource from "./slice-sampler.wgsl.js";

/** How one slice becomes one network input. */
export interface SliceSample {
  /** Extents of the source slice. */
  readonly width: number;
  readonly height: number;
  /** HU = stored·scale + offset. */
  readonly scale: number;
  readonly offset: number;
  /** HU are clipped to low..high. */
  readonly low: number;
  readonly high: number;
  /** What lies outside the source counts as so many HU. */
  readonly outside: number;
  /** out = clipped HU · gain + shift */
  readonly gain: number;
  readonly shift: number;
  /** Six numbers a, b, c, d, e, f: output (x, y) lies at (a·x + b·y + c, d·x + e·y + f) of the source, pixel centers at +½. */
  readonly transform: readonly [number, number, number, number, number, number];
  /** Places an axis that are averaged within an output pixel: a box filter where the slice shrinks; at least 1. Splines take one. */
  readonly supersample: number;
  /** Standard deviation of the noise that is added to the output. */
  readonly noise: number;
  /** Of the noise, u32. */
  readonly seed: number;
}

/** Words that describe a sample. */
export const wordsPerSample = 18;

/** Samples in the form that the kernels read: 18 words each, floats as their bits. */
export function packSamples(samples: readonly SliceSample[]): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(samples.length * wordsPerSample);
  const floats = new Float32Array(words.buffer);
  samples.forEach((sample, n) => {
    const { width, height, supersample, seed, scale, offset, low, high, gain, shift, noise, transform, outside } =
      sample;
    words.set([width, height, supersample, seed], n * wordsPerSample);
    floats.set([scale, offset, low, high, gain, shift, noise, ...transform, outside], n * wordsPerSample + 4);
  });
  return words;
}

export interface SliceBatchShape {
  readonly batch: number;
  /** Of the output. */
  readonly height: number;
  readonly width: number;
  /** Pixels from one source slice to the next; a multiple of 4. */
  readonly slotPixels: number;
}

const launchesOf = (sizes: SliceBatchShape): Kernel["launches"] => [
  { sizes: { ...sizes }, workgroups: [...foldWorkgroups(ceilDivide(sizes.batch * sizes.height * sizes.width, 64)), 1] },
];

/** image [n, 1, h, w] of windowed, normalized, resampled and augmented slices. Bindings pixels, samples, image. */
export const sliceSampler = (shape: SliceBatchShape): Kernel => ({
  name: "slice-sampler",
  source: imageSource,
  launches: launchesOf(shape),
  flops: 30 * shape.batch * shape.height * shape.width,
  bytes: shape.batch * (4 * shape.height * shape.width + 2 * shape.slotPixels),
});

/**
 * Labels [n, h, w], u32, below 16: the most frequent one at the places that `supersample` asks for, 0 outside the source;
 * of equally frequent ones the higher or the lower by turns. Bindings labels, samples, labelMap.
 */
export const sliceLabels = (shape: SliceBatchShape): Kernel => ({
  name: "slice-labels",
  source: labelsSource,
  launches: launchesOf(shape),
  flops: 0,
  bytes: shape.batch * (4 * shape.height * shape.width + shape.slotPixels),
});
