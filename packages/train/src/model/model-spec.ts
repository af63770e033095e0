import { settingProblem, settingSchemaOf } from "@lobule/data";
import { z } from "zod";
import { channelSchema, normalizationSchema } from "./intensities.js";
import { type ModelDescription, parseModelDescription } from "./model-description.js";
import { ModelError } from "./model-error.js";
import {
  cropSchema,
  mostChannels,
  networkSettingsSchema,
  networkSizes,
  networkSpec,
  resamplingSchema,
  windowSchema,
} from "./network-settings.js";

/** What a person writes to describe a network that was trained elsewhere, with the defaults of training. */
const modelSpec = z.strictObject({
  classes: z.array(z.string()).min(2).max(256).describe("names of the classes, background first"),
  window: windowSchema
    .optional()
    .describe("HU that become 0 and 1, or z-scores of each image that are clipped to; of images of one channel"),
  normalization: normalizationSchema.optional().describe("z-scores that the network sees instead of 0 to 1"),
  channels: z
    .array(channelSchema)
    .min(2)
    .max(mostChannels)
    .optional()
    .describe("of images of several channels, the name, window and normalization of each"),
  baseFeatures: networkSizes.baseFeatures.default(8).describe("channels of the first level"),
  depth: networkSizes.depth.default(4).describe("poolings between the image and the bridge"),
  inputSlices: networkSizes.inputSlices.default(1).describe("neighboring slices that are the channels of an image"),
  crop: cropSchema.extract(["body"]).optional().describe("what scans are cropped to: the box of the body"),
  size: networkSizes.size.nullable().default(null).describe("side that slices are resampled to; null for their own"),
  spacing: networkSizes.spacing.optional().describe("pixel spacing that slices are resampled to, mm"),
  resampling: resamplingSchema.optional().describe("how images are resampled to it: linear, or cubic as nnU-Net does"),
  patch: networkSizes.patch.optional().describe("width and height of what the network sees at once"),
  network: networkSettingsSchema.prefault({}).describe("named network, and what is different from it"),
});

/**
 * The model that a person describes: classes and window, and of the network what differs from the defaults of training.
 * @throws ModelError naming `source` and what does not fit.
 */
export function parseModelSpec(value: unknown, source: string): ModelDescription {
  const result = modelSpec.safeParse(value);
  if (!result.success) {
    const { path, problem } = settingProblem(result.error, value, settingSchemaOf(modelSpec));
    throw new ModelError(`${source}: ${path.length === 0 ? "it" : `'${path.join(".")}'`} ${problem}`);
  }
  const { network, ...rest } = result.data;
  const description = { version: 1, architecture: "UNet", network: networkSpec(network), preset: null, ...rest };
  return parseModelDescription(description, source);
}
