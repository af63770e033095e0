import { z } from "zod";
import { normalizationKinds } from "../model/intensities.js";
import {
  cropSchema,
  mostChannels,
  networkSettingsSchema,
  networkSizes,
  resamplingSchema,
  windowSchema,
} from "../model/network-settings.js";
import { nnunetSchema } from "../model/nnunet-settings.js";
import { augmentationSetting } from "../settings/augmentation-setting.js";
import { defaultLoss, lossSetting } from "../settings/loss-setting.js";
import { defaultOptimizer, optimizerSetting } from "../settings/optimizer-setting.js";

const count = z.int().positive();
const positive = z.number().positive();

/** Names of the recipes. */
export const presetNames = ["liver", "vessel"] as const;

const share = z.number().min(0).max(1);

/** One for each channel of images that have several. */
const byChannel = <Each extends z.ZodType>(each: Each) => z.array(each).min(2).max(mostChannels);

/** Everything that determines a run. It is saved with it as config.json. */
export const trainingConfig = z.strictObject({
  preset: z
    .enum(presetNames)
    .nullable()
    .default(null)
    .describe("the reference's recipe for Task03_Liver or Task08_HepaticVessel"),
  precision: z
    .enum(["f32", "f16"])
    .default("f32")
    .describe("how activations and gradients are stored; parameters and optimizer stay f32, and f16 needs shader-f16"),
  recompute: z
    .boolean()
    .default(false)
    .describe("compute cheap activations again in the backward pass instead of keeping them: about half the memory"),
  data: z.string().meta({ title: "a Decathlon folder", description: "Decathlon folder of the cases" }),
  maxSlices: count.nullable().default(null).describe("leave out cases with so many slices or more"),
  limitCases: count.min(2).nullable().default(null).describe("use at most so many cases, in name order"),
  trainFraction: z.number().gt(0).lt(1).default(0.8).describe("share of the cases to train on"),
  splitSeed: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe("seed of the split into training and validation; by default that of the run"),
  fold: z
    .strictObject({
      index: z.int().min(0).describe("which part of the cross-validation is held out, from 0"),
      of: count.min(2).describe("parts of the cross-validation"),
    })
    .nullable()
    .default(null)
    .describe("part of a cross-validation that is held out; by default the split is by trainFraction"),
  validationCases: z
    .array(z.string().min(1))
    .min(1)
    .nullable()
    .default(null)
    .describe("names of the cases to validate on, all others are trained on; by default they are drawn"),
  crop: cropSchema
    .default("none")
    .describe("what scans are cropped to before they are resampled: the box of the body in the plane of the slices"),
  size: networkSizes.size
    .nullable()
    .default(null)
    .describe("side that slices are resampled to, in pixels; by default their own size"),
  spacing: networkSizes.spacing
    .nullable()
    .default(null)
    .describe("pixel spacing that slices are resampled to, mm along x and y; by default their own"),
  resampling: resamplingSchema
    .default("linear")
    .describe("how images are resampled to a spacing: linearly, or by cubic splines as nnU-Net does"),
  patch: networkSizes.patch
    .nullable()
    .default(null)
    .describe("width and height of what the network sees at once, in pixels; by default the whole slice"),
  window: z
    .union([z.literal("auto"), windowSchema, byChannel(z.union([z.literal("auto"), windowSchema]))])
    .default("auto")
    .describe("HU that become 0 and 1; what is outside is clipped; one for all channels, or for each"),
  normalization: z
    .union([z.enum(normalizationKinds), byChannel(z.enum(normalizationKinds))])
    .default("window")
    .describe(
      "what the network sees: the window as 0 to 1, or z-scores by the foreground of the training cases or by each image; one for all channels, or for each",
    ),
  baseFeatures: networkSizes.baseFeatures.default(8).describe("channels of the first level"),
  depth: networkSizes.depth.default(4).describe("poolings between the image and the bridge"),
  inputSlices: networkSizes.inputSlices
    .default(1)
    .describe("neighboring slices that are the channels of an image, the labeled one in the middle"),
  model: z
    .string()
    .nullable()
    .default(null)
    .describe("file that exports a network of your own, in the place of a named one"),
  network: networkSettingsSchema
    .default({ preset: "attention-res-unet" })
    .describe("a named network, and what is to be different from it"),
  nnunet: nnunetSchema
    .nullable()
    .default(null)
    .describe("a network of nnU-Net in the place of a named one, with its own depth and features"),
  init: z
    .string()
    .nullable()
    .default(null)
    .describe("run or checkpoint whose weights the network starts with; by default they are drawn by the seed"),
  batch: count.default(32).describe("slices of a step"),
  microBatch: count
    .nullable()
    .default(null)
    .describe("slices that are run at once; a larger batch is run in such parts, whose gradients are added"),
  epochs: count.default(100).describe("epochs to train at most; may grow when a run is resumed"),
  stepsPerEpoch: count
    .nullable()
    .default(null)
    .describe("steps of an epoch, whatever the number of slices; by default an epoch is one pass over them"),
  learningRate: positive.default(1e-4).describe("step size of the optimizer at the start"),
  schedule: z
    .enum(["plateau", "constant", "cosine", "polynomial"])
    .default("plateau")
    .describe("how the learning rate changes: after epochs without progress (plateau), or with the steps of the run"),
  warmupSteps: z.int().min(0).default(0).describe("steps over which the learning rate rises from 0"),
  loss: lossSetting.default(defaultLoss).describe("what is minimized, in training and validation"),
  optimizer: optimizerSetting.default(defaultOptimizer).describe("how parameters follow their gradients"),
  clipNorm: positive
    .nullable()
    .default(null)
    .describe("largest norm of the gradients of a step together; by default they are not clipped"),
  ema: z
    .number()
    .gt(0)
    .lt(1)
    .nullable()
    .default(null)
    .describe("decay of an average of the weights that is validated and kept; by default none"),
  oversample: share.default(0).describe("share of each batch that is drawn from slices with foreground"),
  oversampleBy: z
    .enum(["any", "class"])
    .default("any")
    .describe("draw these slices from all with foreground (any), or from those of a class that is drawn first (class)"),
  plateau: z
    .strictObject({
      factor: z.number().gt(0).lt(1).default(0.5).describe("factor of the learning rate at a plateau"),
      patience: z.int().min(0).default(3).describe("epochs without progress before the learning rate falls"),
    })
    .prefault({})
    .describe("when the schedule 'plateau' lowers the learning rate"),
  earlyStopping: z
    .strictObject({ patience: count.default(5).describe("epochs without progress after which training ends") })
    .prefault({})
    .describe("when training ends before its last epoch"),
  augmentation: augmentationSetting.prefault({}).describe("random changes of the training slices"),
  seed: z.int().min(0).default(0).describe("seed of split, start values, order and augmentation"),
  overfitBatches: count
    .nullable()
    .default(null)
    .describe("train and validate on the first so many batches alone: a network must be able to learn them by heart"),
  fastDevRun: z.boolean().default(false).describe("train one epoch of two steps and validate one batch"),
  checkpointEvery: count
    .nullable()
    .default(null)
    .describe("steps between checkpoints inside an epoch; by default at its end alone"),
});

/** The complete configuration of a run. */
export type TrainingConfig = z.infer<typeof trainingConfig>;
/** The name of a recipe. */
export type PresetName = (typeof presetNames)[number];

/** The preset of a name; null where there is none. */
export const presetOf = (name: unknown): PresetName | null => presetNames.find((each) => each === name) ?? null;

/** Each setting's default. */
export const defaults: Omit<TrainingConfig, "data"> = withoutData(trainingConfig.parse({ data: "" }));

function withoutData({ data: _, ...settings }: TrainingConfig): Omit<TrainingConfig, "data"> {
  return settings;
}

/** The reference's recipes: liver and tumor of Task03, hepatic vessels and tumor of Task08. */
export const presets: Readonly<Record<PresetName, Partial<TrainingConfig>>> = {
  liver: { preset: "liver", maxSlices: 300, window: [-160, 240] },
  vessel: { preset: "vessel", maxSlices: 80, baseFeatures: 16, window: [-100, 300] },
};

/** How many cases the reference trained and validated on. */
export const referenceCases: Readonly<Record<PresetName, { readonly training: number; readonly validation: number }>> =
  {
    liver: { training: 43, validation: 11 },
    vessel: { training: 172, validation: 44 },
  };

/** The settings of a preset, or those without one, but for the data. */
export const presetSettings = (preset: PresetName | null): Omit<TrainingConfig, "data"> => ({
  ...defaults,
  ...(preset === null ? {} : presets[preset]),
});
