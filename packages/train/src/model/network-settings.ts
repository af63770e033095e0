import { referenceSpec, type UNetPreset, type UNetSpec, unetPresets } from "@lobule/nn";
import { z } from "zod";

const fields = {
  growth: z.number().describe("channels of a level over those of the level above"),
  block: z
    .enum(["plain", "residual", "residual-squeeze-excite", "residual-separable"])
    .describe("the convolutions of a level"),
  skip: z
    .enum(["concat", "add", "attention-gate", "attention-gate-norm"])
    .describe("how encoder features join the decoder"),
  gatingSignal: z.enum(["upsampled", "coarse"]).describe("what opens the attention gates"),
  upsampling: z.enum(["transposed", "bilinear"]).describe("how the decoder doubles the size of its features"),
  norm: z.enum(["batch", "instance", "group"]).describe("normalization after each convolution"),
  groups: z.int().positive().describe("groups of group normalization"),
  activation: z.enum(["relu", "leaky-relu", "silu", "hardswish"]).describe("function after each normalization"),
  dropout: z.number().describe("probability of dropping a channel"),
  deepSupervision: z.int().min(0).describe("decoder levels with logits of their own, besides the last"),
  bridgeAttentionHeads: z.int().min(0).describe("heads of self-attention in the bridge; 0 for none"),
  encoderBlocks: z.array(z.int().min(1).max(16)).min(1).readonly().optional().meta({
    title: "counts of blocks, the first level's first",
    description: "blocks of each level of the encoder; those below have as many as the last",
  }),
} satisfies { readonly [Field in keyof UNetSpec]-?: z.ZodType<UNetSpec[Field]> };

/** Sizes of a network and of its images, the same in a configuration and with a model. */
export const networkSizes = {
  /** Channels of the first level. */
  baseFeatures: z.int().positive().max(4096),
  /** Poolings between the image and the bridge. */
  depth: z.int().positive().max(6),
  /** Neighboring slices that are the channels of an image ("2.5D"), the slice that is labeled in the middle. */
  inputSlices: z
    .int()
    .positive()
    .max(9)
    .refine((slices) => slices % 2 === 1, "must be odd: 1, 3, 5, 7 or 9"),
  /** Side that slices are resampled to. */
  size: z.int().positive().max(16_384),
  /** Pixel spacing that slices are resampled to, mm: along x, along y. */
  spacing: z.tuple([z.number().positive(), z.number().positive()]),
  /** Width and height of the patches that the network sees of larger slices. */
  patch: z.tuple([z.int().positive().max(16_384), z.int().positive().max(16_384)]),
};

/** How images are resampled to a pixel spacing: linearly, averaged where they shrink, or by cubic splines, as nnU-Net does. */
export const resamplingSchema = z.enum(["linear", "cubic"]);

/** What scans are cropped to before a network sees them. */
export const cropSchema = z.enum(["none", "body"]);

/** The most channels that an image may have. */
export const mostChannels = 16;

/** HU that become 0 and 1; what lies outside is clipped. */
export const windowSchema = z.tuple([z.number(), z.number()]);

/** Every part of a network, as it is saved with a model. */
export const networkSpecSchema = z.strictObject(fields);

/** The names of networks. */
export const networkPresets = Object.keys(unetPresets) as [UNetPreset, ...UNetPreset[]];

/** A named network, and what is to be different from it. */
export const networkSettingsSchema = networkSpecSchema.partial().extend({
  preset: z.enum(networkPresets).default("attention-res-unet").describe("named network"),
});

export type NetworkSettings = z.infer<typeof networkSettingsSchema>;

/** The parts that settings stand for: the preset's, but for those that are given. */
export function networkSpec({ preset, ...given }: NetworkSettings): UNetSpec {
  const changes = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...referenceSpec, ...unetPresets[preset], ...changes };
}
