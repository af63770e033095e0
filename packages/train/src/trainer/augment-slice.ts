import { type Channels, mapChannels, randomUint32, uniform } from "@lobule/data";
import {
  augmentTransform,
  type Deformation,
  type IntensityChange,
  noDeformation,
  noIntensityChange,
} from "@lobule/tensor";
import { shownRange } from "../model/intensities.js";
import type { Augmentation, NnUNetAugmentation } from "../settings/augmentation-setting.js";
import {
  augmentedMapping,
  type ChannelMapping,
  type Preprocessing,
  purposeOf,
  type SampleSeed,
  type SliceMapping,
} from "./slice-sampling.js";

/** How a slice becomes an image of training. */
export interface AugmentedSlice {
  readonly mapping: SliceMapping;
  /** How it is then deformed. */
  readonly deformation: Deformation;
  /** What is then done to the values of each channel. */
  readonly changes: Channels<IntensityChange>;
}

/** What an augmentation changes after slices are sampled; programs are given {@link AugmentedSlice} of what they change. */
export interface ImageChanges {
  readonly deformation: boolean;
  readonly intensities: boolean;
}

/** What an augmentation asks of the programs of a run. */
export const imageChangesOf = (augmentation: Augmentation): ImageChanges => ({
  deformation: augmentation.kind === "nnunet" && augmentation.elasticProbability > 0,
  intensities: augmentation.kind === "nnunet",
});

/** `plain`, changed at random as the augmentation says; the same for the same seed, epoch and slice. */
export function augmented(
  plain: SliceMapping,
  preprocessing: Preprocessing,
  augmentation: Augmentation,
  at: SampleSeed,
): AugmentedSlice {
  if (augmentation.kind === "light") {
    const { flip, rotation, zoom, intensity, noise } = augmentation;
    const isOff = [flip, rotation, zoom, intensity, noise].every((each) => each === 0);
    const mapping = isOff ? plain : augmentedMapping(plain, preprocessing, augmentation, at);
    return { mapping, deformation: noDeformation, changes: mapChannels(plain, () => noIntensityChange) };
  }
  return {
    mapping: nnunetMapping(plain, preprocessing, augmentation, at),
    deformation: deformationOf(preprocessing, augmentation, at),
    changes: mapChannels(plain, (_, channel) => intensityChange(preprocessing, augmentation, at, channel)),
  };
}

/** A number of the range; where the range has 1 inside, below it as often as above. */
function around1([least, most]: readonly [number, number], drawn: number): number {
  const among = (low: number, high: number, share: number): number => low + (high - low) * share;
  if (least >= 1 || most <= 1) return among(least, most, drawn);
  return drawn < 0.5 ? among(least, 1, 2 * drawn) : among(1, most, 2 * drawn - 1);
}

type Draw = (purpose: string) => number;

const drawOf =
  ({ seed, epoch, sample }: SampleSeed, channel = 0): Draw =>
  (purpose) =>
    uniform(seed, epoch, sample, purposeOf(purpose, channel));

function nnunetMapping(
  plain: SliceMapping,
  preprocessing: Preprocessing,
  augmentation: NnUNetAugmentation,
  at: SampleSeed,
): SliceMapping {
  const { width, height } = preprocessing;
  const draw = drawOf(at);
  const { rotateProbability, rotateDegrees, scaleProbability, scaleRange } = augmentation;
  const { leftRight, frontBack } = augmentation;
  const degrees = draw("whether to rotate") < rotateProbability ? rotateDegrees * (2 * draw("rotation") - 1) : 0;
  const zoom = draw("whether to scale") < scaleProbability ? around1(scaleRange, draw("scale")) : 1;
  const [{ transform: plainTransform }] = plain;
  const transform = augmentTransform(plainTransform, {
    width,
    height,
    flipX: draw("flip x") < leftRight,
    flipY: draw("flip y") < frontBack,
    radians: (degrees * Math.PI) / 180,
    zoom,
  });
  return mapChannels(plain, (mapping, channel) => ({
    ...mapping,
    transform,
    // Where the slice shrinks more than without, pixels are averaged over more of it.
    supersample: Math.max(1, Math.ceil(mapping.supersample / zoom - 1e-6)),
    ...noiseOf(preprocessing, augmentation, at, channel),
  }));
}

function noiseOf(
  { channels }: Preprocessing,
  { noiseProbability, noiseDeviation }: NnUNetAugmentation,
  at: SampleSeed,
  channel: number,
): Pick<ChannelMapping, "noise" | "seed"> {
  const draw = drawOf(at, channel);
  if (draw("whether to add noise") >= noiseProbability) return { noise: 0, seed: 0 };
  return {
    noise: noiseDeviation * shownRange(channels[channel] ?? channels[0]).width * Math.sqrt(draw("noise")),
    seed: randomUint32(at.seed, at.epoch, at.sample, purposeOf("noise field", channel)),
  };
}

function deformationOf(
  { width, height }: Preprocessing,
  { elasticProbability, elasticDeviation, elasticCells }: NnUNetAugmentation,
  at: SampleSeed,
): Deformation {
  if (drawOf(at)("whether to deform") >= elasticProbability) return noDeformation;
  return {
    deviation: elasticDeviation * Math.min(width, height),
    cells: elasticCells,
    seed: randomUint32(at.seed, at.epoch, at.sample, "deformation field"),
  };
}

function intensityChange(
  { width, height }: Preprocessing,
  augmentation: NnUNetAugmentation,
  at: SampleSeed,
  channel: number,
): IntensityChange {
  const draw = drawOf(at, channel);
  const { blurProbability, blurRange, brightnessProbability, brightnessRange } = augmentation;
  const { contrastProbability, contrastRange, lowResolutionProbability, lowResolutionRange } = augmentation;
  const { gammaProbability, invertedGammaProbability, gammaRange } = augmentation;
  const when = <Value>(probability: number, what: string, value: () => Value, otherwise: Value): Value =>
    draw(`whether ${what}`) < probability ? value() : otherwise;
  const within = ([least, most]: readonly [number, number], what: string): number =>
    least + (most - least) * draw(what);
  const coarse = (): readonly [number, number] => {
    const share = within(lowResolutionRange, "low resolution");
    return [Math.max(1, Math.round(height * share)), Math.max(1, Math.round(width * share))];
  };
  return {
    blur: when(blurProbability, "blur", () => within(blurRange, "blur"), 0),
    brightness: when(brightnessProbability, "brightness", () => around1(brightnessRange, draw("brightness")), 1),
    contrast: when(contrastProbability, "contrast", () => around1(contrastRange, draw("contrast")), 1),
    coarse: when(lowResolutionProbability, "low resolution", coarse, [0, 0]),
    invertedGamma: when(
      invertedGammaProbability,
      "inverted gamma",
      () => around1(gammaRange, draw("inverted gamma")),
      1,
    ),
    gamma: when(gammaProbability, "gamma", () => around1(gammaRange, draw("gamma")), 1),
  };
}
