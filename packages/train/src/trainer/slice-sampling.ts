import { type CachedCase, randomUint32, type SliceKey, uniform } from "@lobule/data";
import { augmentTransform, fitTransform, resizeTransform, type SliceSample } from "@lobule/tensor";
import type { Augmentation } from "./training-config.js";

/** How slices become network inputs. */
export interface Preprocessing {
  /** HU that become 0 and 1. */
  readonly window: readonly [low: number, high: number];
  /** Extents of the network's input. */
  readonly height: number;
  readonly width: number;
  /** Whether a slice is stretched onto the whole input, or laid in its middle at its own size. */
  readonly resample: boolean;
}

/** Where a sample's random numbers come from: the same for the same seed, epoch and slice, in whatever order they run. */
export interface SampleSeed {
  readonly seed: number;
  readonly epoch: number;
  /** Number of the slice among all slices of the training cases. */
  readonly sample: number;
}

/**
 * The input's extents for cases of various sizes: `size` on both sides, or the largest of each side, up to the next
 * multiple of `multiple`.
 */
export function inputExtents(
  cases: readonly Pick<CachedCase, "shape">[],
  size: number | null,
  multiple: number,
): { readonly height: number; readonly width: number } {
  if (size !== null) return { height: size, width: size };
  const side = (axis: 0 | 1): number =>
    Math.ceil(Math.max(...cases.map(({ shape }) => shape[axis])) / multiple) * multiple;
  return { height: side(1), width: side(0) };
}

/** A slice as the network sees it without augmentation. Values: (HU − low)/(high − low), clipped to 0..1. */
export function plainSample(
  { shape: [width, height], scale, offset }: Pick<CachedCase, "shape" | "scale" | "offset">,
  preprocessing: Preprocessing,
): SliceSample {
  const { window, resample } = preprocessing;
  const [low, high] = window;
  const ratio = Math.max(width / preprocessing.width, height / preprocessing.height);
  return {
    ...{ width, height, scale, offset, low, high },
    gain: 1 / (high - low),
    shift: -low / (high - low),
    transform: resample
      ? resizeTransform(width, height, preprocessing.width, preprocessing.height)
      : fitTransform(width, height, preprocessing.width, preprocessing.height),
    // A box filter over what a pixel covers, where the slice shrinks.
    supersample: resample ? Math.max(1, Math.ceil(ratio)) : 1,
    noise: 0,
    seed: 0,
  };
}

/** {@link plainSample}, mirrored, turned, scaled, and changed in contrast, brightness and noise at random. */
export function augmentedSample(
  plain: SliceSample,
  preprocessing: Preprocessing,
  augmentation: Augmentation,
  { seed, epoch, sample }: SampleSeed,
): SliceSample {
  const draw = (purpose: string): number => uniform(seed, epoch, sample, purpose);
  const signed = (purpose: string): number => 2 * draw(purpose) - 1;
  const { flip, rotation, zoom, intensity, noise } = augmentation;
  const contrast = 1 + intensity * signed("contrast");
  // Contrast turns around the middle of the window.
  const brightness = intensity * signed("brightness") + 0.5 * (1 - contrast);
  return {
    ...plain,
    gain: plain.gain * contrast,
    shift: plain.shift * contrast + brightness,
    transform: augmentTransform(plain.transform, {
      width: preprocessing.width,
      height: preprocessing.height,
      flipX: draw("flip x") < flip,
      flipY: draw("flip y") < flip,
      radians: (rotation * Math.PI * signed("rotation")) / 180,
      zoom: (1 + zoom) ** signed("zoom"),
    }),
    noise: noise * draw("noise"),
    seed: noise > 0 ? randomUint32(seed, epoch, sample, "noise field") : 0,
  };
}

/** Whether any augmentation is on. */
export const augments = (augmentation: Augmentation): boolean => Object.values(augmentation).some((each) => each > 0);

/** All slices of the cases with the given numbers, in order. */
export const slicesOf = (cases: readonly CachedCase[], numbers: readonly number[]): SliceKey[] =>
  numbers.flatMap((index) =>
    Array.from({ length: cases[index]?.shape[2] ?? 0 }, (_, slice) => ({ case: index, slice })),
  );
