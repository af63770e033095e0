import {
  type CachedCase,
  type Channels,
  mapChannels,
  type PlaneBox,
  type Quantization,
  randomUint32,
  type SliceBatch,
  type SliceKey,
  uniform,
} from "@lobule/data";
import {
  augmentTransform,
  composed,
  fitTransform,
  packSamples,
  resizeTransform,
  type SliceSample,
  splineCoefficients,
} from "@lobule/tensor";
import { type Intensities, intensityMap, shownRange } from "../model/intensities.js";
import type { ModelDescription } from "../model/model-description.js";
import type { LightAugmentation } from "../settings/augmentation-setting.js";

/** How slices become network inputs. */
export interface Preprocessing {
  /** How the values of each channel become the network's numbers. */
  readonly channels: Channels<Intensities>;
  /** Extents of the network's input. */
  readonly height: number;
  readonly width: number;
  /** Whether a slice is stretched onto the whole input, or laid in its middle. */
  readonly resample: boolean;
  /** Pixel spacing that a slice which is laid in the middle is resampled to, mm; its own by default. */
  readonly spacing?: PixelSpacing | undefined;
  /** On which side of a slice in the middle an odd pixel of the margin is; before it by default. */
  readonly oddPixel?: "before" | "after" | undefined;
}

/**
 * On which side of a slice in the middle of a larger input an odd pixel of the margin is: behind it in a patch, as nnU-Net
 * pads to one; else before it.
 */
export const oddPixelOf = ({ patch }: { readonly patch?: unknown }): "before" | "after" =>
  patch === undefined ? "before" : "after";

/** mm along x and along y. */
export type PixelSpacing = readonly [x: number, y: number];

/** mm along the axes of a slice, or of the volume that it is of. */
export type SliceSpacing = readonly [x: number, y: number, ...rest: number[]];

/** Extents of a slice, [width, height, …], its spacing, and the box that it is cropped to. */
export type SliceGrid = Pick<CachedCase, "shape" | "box"> & { readonly spacing: SliceSpacing };

/** What is shown of a slice: the box that it is cropped to, or all. */
export const shownPart = ({ box, shape: [width, height] }: Pick<SliceGrid, "shape" | "box">): PlaneBox =>
  box ?? { x: 0, y: 0, width, height };

/** Extents of what is shown of a slice, in pixels of another spacing. */
export function resampledExtents(source: SliceGrid, spacing?: PixelSpacing) {
  const { width, height } = shownPart(source);
  const [x, y] = source.spacing;
  if (spacing === undefined) return { width, height };
  const along = (extent: number, own: number, other: number): number => Math.max(1, Math.round((extent * own) / other));
  return { width: along(width, x, spacing[0]), height: along(height, y, spacing[1]) };
}

/** Where a sample's random numbers come from: the same for the same seed, epoch and slice, in whatever order they run. */
export interface SampleSeed {
  readonly seed: number;
  readonly epoch: number;
  /** Number of the slice among all slices of the training cases. */
  readonly sample: number;
}

/**
 * The input's extents for cases of various sizes: `size` on both sides, or the largest of each side in the pixels that the
 * network sees, up to the next multiple of `multiple`.
 */
export function inputExtents(
  cases: readonly SliceGrid[],
  { size, spacing }: { readonly size: number | null; readonly spacing?: PixelSpacing | undefined },
  multiple: number,
): { readonly height: number; readonly width: number } {
  if (size !== null) return { height: size, width: size };
  const all = cases.map((each) => resampledExtents(each, spacing));
  const up = (extents: readonly number[]): number => Math.ceil(Math.max(...extents) / multiple) * multiple;
  return { height: up(all.map(({ height }) => height)), width: up(all.map(({ width }) => width)) };
}

/** What programs reserve for the splines of any of the slices, where images are resampled by such. */
export const splineMemory = (
  cases: readonly Pick<CachedCase, "shape">[],
  { resampling }: Pick<ModelDescription, "resampling">,
): { readonly coefficientPixels?: number } =>
  resampling === "cubic"
    ? { coefficientPixels: Math.max(...cases.map(({ shape: [width, height] }) => splineCoefficients(width, height))) }
    : {};

/** The same of what a training step sees: a patch where the model is for such, else the whole image. */
export const trainedPreprocessing = (whole: Preprocessing, patch?: readonly [width: number, height: number]) =>
  patch === undefined ? whole : { ...whole, width: patch[0], height: patch[1] };

/** How a channel of a slice becomes an image, whatever integers stand for its HU. */
export type ChannelMapping = Omit<SliceSample, keyof Quantization>;

/** How a slice becomes an image: each of its channels, which lie at the same place. */
export type SliceMapping = Channels<ChannelMapping>;

/** From what is shown of a slice, in other pixels, to the slice. */
export function resizedPart(source: SliceGrid, seen: { readonly width: number; readonly height: number }) {
  const { x, y, width, height } = shownPart(source);
  return composed([1, 0, x, 0, 1, y], resizeTransform(width, height, seen.width, seen.height));
}

/** A slice as the network sees it without augmentation. Values: see {@link intensityMap}. */
export function plainMapping(source: SliceGrid, preprocessing: Preprocessing): SliceMapping {
  const [width, height] = source.shape;
  const { channels, resample, spacing, oddPixel } = preprocessing;
  const seen = resample ? preprocessing : resampledExtents(source, spacing);
  const shown = shownPart(source);
  const ratio = Math.max(shown.width / seen.width, shown.height / seen.height);
  const resized = resizedPart(source, seen);
  const transform = resample
    ? resized
    : composed(resized, fitTransform(seen.width, seen.height, preprocessing.width, preprocessing.height, oddPixel));
  return mapChannels(channels, (each) => ({
    width,
    height,
    ...intensityMap(each),
    transform,
    // A box filter over what a pixel covers, where the slice shrinks.
    supersample: Math.max(1, Math.ceil(ratio)),
    noise: 0,
    seed: 0,
  }));
}

/** What a number is drawn for: of the first channel by its name alone. */
export const purposeOf = (purpose: string, channel: number): string =>
  channel === 0 ? purpose : `${purpose} of channel ${channel}`;

/**
 * {@link plainMapping}, mirrored, turned and scaled at random, all channels alike, and each changed in contrast, brightness
 * and noise.
 */
export function augmentedMapping(
  plain: SliceMapping,
  preprocessing: Preprocessing,
  augmentation: LightAugmentation,
  { seed, epoch, sample }: SampleSeed,
): SliceMapping {
  const draw = (purpose: string): number => uniform(seed, epoch, sample, purpose);
  const signed = (purpose: string): number => 2 * draw(purpose) - 1;
  const { flip, rotation, zoom, intensity, noise } = augmentation;
  const [{ transform: plainTransform }] = plain;
  const transform = augmentTransform(plainTransform, {
    width: preprocessing.width,
    height: preprocessing.height,
    flipX: draw("flip x") < flip,
    flipY: draw("flip y") < flip,
    radians: (rotation * Math.PI * signed("rotation")) / 180,
    zoom: (1 + zoom) ** signed("zoom"),
  });
  return mapChannels(plain, (mapping, channel) => {
    const shown = shownRange(preprocessing.channels[channel] ?? preprocessing.channels[0]);
    const contrast = 1 + intensity * signed(purposeOf("contrast", channel));
    // Contrast turns around the middle of the window.
    const brightness =
      intensity * shown.width * signed(purposeOf("brightness", channel)) + shown.middle * (1 - contrast);
    return {
      ...mapping,
      gain: mapping.gain * contrast,
      shift: mapping.shift * contrast + brightness,
      transform,
      noise: noise * shown.width * draw(purposeOf("noise", channel)),
      seed: noise > 0 ? randomUint32(seed, epoch, sample, purposeOf("noise field", channel)) : 0,
    };
  });
}

/** A slice with its neighbors, from below to above; beyond the ends of the case the outermost one again. */
export function neighborsOf(
  cases: readonly Pick<CachedCase, "shape">[],
  { case: at, slice }: SliceKey,
  slices: number,
): SliceKey[] {
  const last = (cases[at]?.shape[2] ?? 1) - 1;
  return Array.from({ length: slices }, (_, i) => ({
    case: at,
    slice: Math.min(Math.max(slice + i - (slices - 1) / 2, 0), last),
  }));
}

/** Where the slices first … end − 1 of a batch lie in memory. */
export interface BatchRange {
  readonly first: number;
  readonly end: number;
  readonly slotPixels: number;
  /** Slices that are read for each: itself and its neighbors. */
  readonly inputSlices: number;
  /** Of each slice; 1 by default. */
  readonly channels?: number;
}

/**
 * What a program takes of a batch: pixels of slices and neighbors, each with its channels, and labels of the slices
 * themselves.
 * @param mappings one a slice of the whole batch, its neighbors not counted.
 */
export function batchArrays(
  batch: SliceBatch,
  mappings: readonly SliceMapping[],
  { first, end, slotPixels, inputSlices, channels = 1 }: BatchRange,
): Readonly<Record<"pixels" | "labels" | "samples", Uint32Array<ArrayBuffer>>> & {
  readonly labeled?: Uint32Array<ArrayBuffer>;
} {
  const words = slotPixels / 4;
  const images = inputSlices * channels;
  const pixels = batch.pixels.subarray((first * images * slotPixels) / 2, (end * images * slotPixels) / 2);
  const samples = samplesOf(mappings.slice(first, end), batch.quantizations.slice(first * images), inputSlices);
  // Labels are sampled where the slice itself is: of its samples only the first has the seed of its mapping.
  const labeled = images === 1 ? {} : { labeled: packSamples(samples.filter((_, i) => i % images === 0)) };
  if (inputSlices === 1) {
    const labels = batch.labels.subarray(first * words, end * words);
    return { pixels, labels, samples: packSamples(samples), ...labeled };
  }
  const middle = (inputSlices - 1) / 2;
  const labels = new Uint32Array((end - first) * words);
  for (let i = first; i < end; i++) {
    const from = (i * inputSlices + middle) * words;
    labels.set(batch.labels.subarray(from, from + words), (i - first) * words);
  }
  return { pixels, labels, samples: packSamples(samples), ...labeled };
}

/**
 * What turns stored slices into images: of each slice, `inputSlices` times, all channels: of itself and its neighbors from
 * below to above. Noise differs from one to the next, and the channels in their values; what stands for their HU does too.
 * @param quantizations of all channels of all these slices as they are stored.
 */
export const samplesOf = (
  mappings: readonly SliceMapping[],
  quantizations: readonly Quantization[],
  inputSlices: number,
): SliceSample[] =>
  mappings.flatMap((mapping, n) => {
    const images = inputSlices * mapping.length;
    return quantizations.slice(n * images, (n + 1) * images).map((quantization, i) => {
      const channel = mapping[i % mapping.length] ?? mapping[0];
      return { ...channel, ...quantization, seed: (channel.seed + Math.floor(i / mapping.length)) >>> 0 };
    });
  });

/** All slices of the cases with the given numbers, in order. */
export const slicesOf = (cases: readonly CachedCase[], numbers: readonly number[]): SliceKey[] =>
  numbers.flatMap((index) =>
    Array.from({ length: cases[index]?.shape[2] ?? 0 }, (_, slice) => ({ case: index, slice })),
  );
