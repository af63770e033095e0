import { type Channels, mapChannels, type StoredFor, type Window, type ZScores } from "@lobule/data";
import { z } from "zod";
import { windowSchema } from "./network-settings.js";

/** Ways to turn HU into a network's numbers, as a configuration names them. */
export const normalizationKinds = ["window", "foreground", "image"] as const;

/** Of a model whose network does not see the window as 0 to 1: what its numbers are instead. */
export const normalizationSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    /** z-scores: (HU − mean)/deviation, by the voxels of the training cases that have a label. */
    kind: z.literal("foreground"),
    mean: z.number(),
    deviation: z.number().positive(),
  }),
  z.strictObject({
    /** z-scores by the mean and standard deviation of each image itself, as ZScoreSums has them. */
    kind: z.literal("image"),
  }),
]);

/**
 * z-scores of an image by itself that are told apart, in place of a window of HU. nnU-Net clips nothing; a z-score beyond
 * 32 is rare in what scanners produce.
 */
export const imageWindow: Window = [-32, 32];

/** How far to either side of an image's mean, in standard deviations, values are drawn from black to white. */
const drawnDeviations = 2;

/** A channel of a model whose images have several, such as a phase of CT or a sequence of MR. */
export const channelSchema = z.strictObject({
  name: z.string(),
  window: windowSchema,
  /** Not there where the window is seen as 0 to 1. */
  normalization: normalizationSchema.optional(),
});

/** What is known of the intensities of a channel: the window that they are clipped to, and what becomes of them then. */
export interface Intensities {
  /** HU; z-scores where these are made by each image itself. */
  readonly window: Window;
  /** Undefined where the window is seen as 0 to 1. */
  readonly normalization?: z.infer<typeof normalizationSchema> | undefined;
}

/** How a network's numbers follow from HU, or from an image's own z-scores: (value, clipped to low..high) · gain + shift. */
export interface IntensityMap {
  readonly low: number;
  readonly high: number;
  /** What is outside a slice counts as this; the network sees 0 there. */
  readonly outside: number;
  readonly gain: number;
  readonly shift: number;
}

/**
 * The numbers of a network: the window as 0 to 1, what is outside a slice like the window's low end; or z-scores, what is
 * outside a slice like the mean, as nnU-Net pads.
 *
 * Source of z-scores: Isensee et al. 2021, nnU-Net, normalization of CT, and of MR where an image has its own.
 */
export function intensityMap({ window: [low, high], normalization }: Intensities): IntensityMap {
  if (normalization === undefined) {
    return { low, high, outside: low, gain: 1 / (high - low), shift: -low / (high - low) };
  }
  if (normalization.kind === "image") return { low, high, outside: 0, gain: 1, shift: 0 };
  const { mean, deviation } = normalization;
  return { low, high, outside: mean, gain: 1 / deviation, shift: -mean / deviation };
}

/** What the window is in a network's numbers: its middle, and how wide it is; of an image's own z-scores what is drawn. */
export function shownRange(intensities: Intensities): { readonly middle: number; readonly width: number } {
  // Not computed where it is known, so that it is not rounded.
  if (intensities.normalization === undefined) return { middle: 0.5, width: 1 };
  if (isByImage(intensities)) return { middle: 0, width: 2 * drawnDeviations };
  const { low, high, gain, shift } = intensityMap(intensities);
  return { middle: ((low + high) / 2) * gain + shift, width: (high - low) * gain };
}

/** Whether z-scores are made by each image itself. */
export const isByImage = ({ normalization }: Pick<Intensities, "normalization">): boolean =>
  normalization?.kind === "image";

/** How slices are stored for a network, as a BatchReader takes it. */
export const storedAs = (channels: readonly Intensities[]): { readonly storedFor: readonly StoredFor[] } => ({
  storedFor: channels.map((each) => ({ window: each.window, inZScores: isByImage(each) })),
});

/**
 * HU that are drawn black and white.
 * @param zScores of the image, where a network sees such.
 */
export function drawnWindow({ window }: Pick<Intensities, "window">, zScores?: ZScores): Window {
  if (zScores === undefined) return window;
  const { mean, deviation } = zScores;
  const brief = (value: number): number => Number(value.toPrecision(4));
  return [brief(mean - drawnDeviations * deviation), brief(mean + drawnDeviations * deviation)];
}

/** Where a model says how the values of its images become numbers: of one channel directly, of several one by one. */
export interface DescribedIntensities {
  readonly window?: Window | undefined;
  readonly normalization?: Intensities["normalization"];
  readonly channels?: readonly Intensities[] | undefined;
}

/** How the values of each channel of a model's images become its numbers. @throws RangeError when it does not say so. */
export function channelsOf({ window, normalization, channels }: DescribedIntensities): Channels<Intensities> {
  const [first, ...others] = channels ?? (window === undefined ? [] : [{ window, normalization }]);
  if (first === undefined) throw new RangeError("the description of a model has neither a window nor channels");
  return mapChannels([first, ...others], withoutName);
}

const withoutName = ({ window, normalization }: Intensities): Intensities => ({
  window,
  ...(normalization === undefined ? {} : { normalization }),
});

/** Intensities in words: "window -160 to 240, as z-scores of mean 101.3 and standard deviation 17.2". */
export function intensitiesText({ window: [low, high], normalization }: Intensities): string {
  const brief = (value: number): string => String(Number(value.toPrecision(6)));
  if (normalization?.kind === "image")
    return `z-scores by each image's own mean and standard deviation, clipped to ${brief(low)} to ${brief(high)}`;
  const text = `window ${brief(low)} to ${brief(high)}`;
  if (normalization === undefined) return text;
  return `${text}, as z-scores of mean ${brief(normalization.mean)} and standard deviation ${brief(normalization.deviation)}`;
}
