import type { Window } from "@lobule/data";
import { z } from "zod";

/** Ways to turn HU into a network's numbers, as a configuration names them. */
export const normalizationKinds = ["window", "foreground"] as const;

/** Of a model whose network does not see the window as 0 to 1: what its numbers are instead. */
export const normalizationSchema = z.strictObject({
  /** z-scores: (HU − mean)/deviation, by the voxels of the training cases that have a label. */
  kind: z.literal("foreground"),
  mean: z.number(),
  deviation: z.number().positive(),
});

/** What is known of a model's intensities: the window that HU are clipped to, and what becomes of them then. */
export interface Intensities {
  readonly window: Window;
  /** Undefined where the window is seen as 0 to 1. */
  readonly normalization?: z.infer<typeof normalizationSchema> | undefined;
}

/** How a network's numbers follow from HU: (HU, clipped to low..high) · gain + shift. */
export interface IntensityMap {
  readonly low: number;
  readonly high: number;
  /** HU that what lies outside a slice counts as; the network sees 0 there. */
  readonly outside: number;
  readonly gain: number;
  readonly shift: number;
}

/**
 * The numbers of a network: the window as 0 to 1, what is outside a slice like the window's low end; or z-scores, what is
 * outside a slice like the mean, as nnU-Net pads.
 *
 * Source of z-scores: Isensee et al. 2021, nnU-Net, normalization of CT.
 */
export function intensityMap({ window: [low, high], normalization }: Intensities): IntensityMap {
  if (normalization === undefined) {
    return { low, high, outside: low, gain: 1 / (high - low), shift: -low / (high - low) };
  }
  const { mean, deviation } = normalization;
  return { low, high, outside: mean, gain: 1 / deviation, shift: -mean / deviation };
}

/** What the window is in a network's numbers: its middle, and how wide it is. */
export function shownRange(intensities: Intensities): { readonly middle: number; readonly width: number } {
  // Not computed where it is known, so that it is not rounded.
  if (intensities.normalization === undefined) return { middle: 0.5, width: 1 };
  const { low, high, gain, shift } = intensityMap(intensities);
  return { middle: ((low + high) / 2) * gain + shift, width: (high - low) * gain };
}

/** What of a model is about intensities. */
export const intensitiesOf = ({ window, normalization }: Intensities): Intensities => ({
  window,
  ...(normalization === undefined ? {} : { normalization }),
});

/** Intensities in words: "window -160 to 240, as z-scores of mean 101.3 and standard deviation 17.2". */
export function intensitiesText({ window: [low, high], normalization }: Intensities): string {
  const brief = (value: number): string => String(Number(value.toPrecision(6)));
  const text = `window ${brief(low)} to ${brief(high)}`;
  if (normalization === undefined) return text;
  return `${text}, as z-scores of mean ${brief(normalization.mean)} and standard deviation ${brief(normalization.deviation)}`;
}
