import { type NnUNetSpec, nnunetDivisors } from "@lobule/nn";
import { z } from "zod";

const pair = (extent: z.ZodInt) => z.tuple([extent, extent]).readonly();

const stage = z.strictObject({
  features: z.int().positive().max(4096),
  kernel: pair(z.int().positive().max(15)),
  stride: pair(z.int().positive().max(2)),
  blocks: z.int().positive().max(64),
  decoderConvolutions: z.int().positive().max(16),
});

/** A network of nnU-Net, level by level, as it is configured and as it is saved with a model. */
export const nnunetSchema = z.strictObject({
  encoder: z
    .enum(["plain", "residual"])
    .describe("convolutions alone (PlainConvUNet), or residual blocks (ResidualEncoderUNet)"),
  stages: z
    .array(stage)
    .min(2)
    .max(10)
    .readonly()
    .describe("levels from the image down: features, kernel, stride, blocks and decoderConvolutions of each"),
  convolutionBias: z.boolean().describe("whether convolutions before a normalization have a bias"),
  norm: z.enum(["instance", "batch"]).describe("normalization after each convolution"),
  activation: z.enum(["relu", "leaky-relu", "silu", "hardswish"]).describe("function after each normalization"),
  deepSupervision: z.int().min(0).describe("decoder levels with logits of their own, besides the last"),
}) satisfies z.ZodType<NnUNetSpec>;

/** Channels of the first level, and how often the axis that is halved most is halved. */
export const nnunetSizes = (spec: NnUNetSpec) => ({
  baseFeatures: spec.stages[0]?.features ?? 0,
  depth: Math.log2(Math.max(...nnunetDivisors(spec))),
});
