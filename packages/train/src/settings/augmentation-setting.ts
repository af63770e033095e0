import { z } from "zod";

const share = z.number().min(0).max(1);
const probability = (value: number, of: string) => share.default(value).describe(`probability of ${of}`);
const rising = z.tuple([z.number().positive(), z.number().positive()]).refine(([least, most]) => least <= most, {
  message: "needs two numbers above 0 of which the second is not the smaller one",
});
const range = (least: number, most: number, of: string) =>
  rising
    .default([least, most])
    .meta({ title: "two numbers above 0, the smaller one first", description: `range of ${of}` });

const kind =
  "light: each change by itself, of every slice; nnunet: nnU-Net's changes, each with a probability and a range";

/** Each of every slice, as far as it is drawn; all off by default. */
const light = z.strictObject({
  // Runs of earlier versions have no kind.
  kind: z.literal("light").optional().default("light").describe(kind),
  flip: share.default(0).describe("probability of a left-right and of a front-back mirror image"),
  rotation: z.number().min(0).max(180).default(0).describe("largest rotation, in degrees either way"),
  zoom: share.default(0).describe("largest change of size, as a share: 0.1 is from 1/1.1 to 1.1"),
  intensity: share.default(0).describe("largest change of contrast and of brightness, as a share of the window"),
  noise: share.default(0).describe("largest standard deviation of added noise, as a share of the window"),
});

/**
 * Each with its own probability, in nnU-Net's order and with its values for two dimensions, but for elastic deformation,
 * which it has left off. Where nnU-Net changes half of the channels of an image, its probability is halved here.
 * Source: Isensee et al. 2021, supplementary note 2.4, and nnU-Net's nnUNetTrainer; Ronneberger et al. 2015 for elastic
 * deformation by random displacements on a coarse grid.
 */
const nnunet = z.strictObject({
  kind: z.literal("nnunet").describe(kind),
  rotateProbability: probability(0.2, "a rotation"),
  rotateDegrees: z.number().min(0).max(180).default(180).describe("largest rotation, in degrees either way"),
  scaleProbability: probability(0.2, "a change of size"),
  scaleRange: range(0.7, 1.4, "the change of size"),
  elasticProbability: probability(0, "an elastic deformation"),
  elasticDeviation: share
    .default(0.02)
    .describe("standard deviation of the displacement of its control points, as a share of the slice's side"),
  elasticCells: z.int().min(1).max(16).default(4).describe("cells of the grid of its control points, along each side"),
  noiseProbability: probability(0.1, "Gaussian noise"),
  noiseDeviation: share
    .default(0.1)
    .describe("largest standard deviation of the noise, as a share of the window; its variance is drawn"),
  blurProbability: probability(0.1, "a Gaussian blur"),
  blurRange: rising
    .refine(([, most]) => most <= 3, { message: "needs numbers up to 3 pixels" })
    .default([0.5, 1])
    .meta({
      title: "two numbers above 0 and up to 3, the smaller one first",
      description: "range of the standard deviation of the blur, in pixels of the network's input",
    }),
  brightnessProbability: probability(0.15, "another brightness"),
  brightnessRange: range(0.75, 1.25, "the factor of all values"),
  contrastProbability: probability(0.15, "another contrast"),
  contrastRange: range(0.75, 1.25, "the factor of distances from the slice's mean"),
  lowResolutionProbability: probability(0.125, "a simulated lower resolution"),
  lowResolutionRange: rising
    .refine(([, most]) => most <= 1, { message: "needs numbers up to 1" })
    .default([0.5, 1])
    .meta({
      title: "two numbers above 0 and up to 1, the smaller one first",
      description: "range of the lower resolution, as a share of the network's input",
    }),
  gammaProbability: probability(0.3, "a gamma curve"),
  invertedGammaProbability: probability(0.1, "a gamma curve on the slice turned from bright to dark"),
  gammaRange: range(0.7, 1.5, "the exponent of both gamma curves"),
  leftRight: probability(0.5, "a left-right mirror image"),
  frontBack: probability(0.5, "a front-back mirror image"),
});

/** Random changes of the training slices. */
export const augmentationSetting = z.discriminatedUnion("kind", [light, nnunet]);

/** Which of the changes a run makes, how often and how far. */
export type Augmentation = z.output<typeof augmentationSetting>;
export type LightAugmentation = z.output<typeof light>;
export type NnUNetAugmentation = z.output<typeof nnunet>;

/** The names of augmentations. */
export const augmentationKinds = ["light", "nnunet"] as const;

/** No augmentation at all. */
export const noAugmentation: Augmentation = augmentationSetting.parse({});

/** The usual changes of the light kind, mirror images aside. */
const usualLight = { kind: "light", rotation: 15, zoom: 0.1, intensity: 0.1, noise: 0.02 } as const;

/** What a kind is where nothing else is said: of the light one, the usual changes. */
export const usualAugmentation = (of: (typeof augmentationKinds)[number]): Augmentation =>
  augmentationSetting.parse(of === "light" ? { ...usualLight, flip: 0.5 } : { kind: of });

/**
 * What naming a kind fixes of a training that is planned: all but mirror images, which a plan leaves out where a class keeps to
 * one side of the body.
 */
export const unmirroredAugmentation = (of: (typeof augmentationKinds)[number]) =>
  of === "light" ? usualLight : { kind: of };

/** The kind of settings of an augmentation: the one that is named, or the only one that has all of them. */
export function kindWith(given: Readonly<Record<string, unknown>> = {}): Augmentation["kind"] | undefined {
  if (given.kind !== undefined) return augmentationKinds.find((each) => each === given.kind);
  const fitting = [light, nnunet].filter(({ shape }) => Object.keys(given).every((key) => key in shape));
  return fitting.length === 1 ? (fitting[0] === light ? "light" : "nnunet") : undefined;
}
