import { referenceSpec, type SegmentationNetwork, UNet } from "@lobule/nn";
import type { SafetensorsTensor } from "@lobule/tensor";
import { z } from "zod";
import { buildCustom } from "./custom-model.js";
import { ModelError } from "./model-error.js";
import { networkSpecSchema } from "./network-settings.js";

/** What must be known besides the weights to use a model: the network's shape and how slices are prepared for it. */
const modelDescription = z.strictObject({
  version: z.literal(1),
  /** AttentionResUNet is how the reference network was called before there were others. */
  architecture: z.enum(["UNet", "AttentionResUNet", "custom"]),
  /** SHA-256 of the code that a custom network is made by, which lies in the run folder as model.cjs. */
  code: z.string().optional(),
  /** What the network is made of. */
  network: networkSpecSchema.default(referenceSpec),
  /** Neighbouring slices that are the channels of an image; an odd number, the slice that is labelled in the middle. */
  inputSlices: z.int().positive().default(1),
  /** Names of the classes, background first. */
  classes: z.array(z.string()).min(2),
  baseFeatures: z.int().positive(),
  depth: z.int().positive(),
  /** Side that slices are resampled to; null where they are taken at their own size, padded to a multiple of 2^depth. */
  size: z.int().positive().nullable(),
  /** HU that become 0 and 1; what lies outside is clipped. */
  window: z.tuple([z.number(), z.number()]),
  preset: z.enum(["liver", "vessel"]).nullable(),
});

export type ModelDescription = z.infer<typeof modelDescription>;

/** @throws ModelError naming `source` when the value describes no model that this version knows. */
export function parseModelDescription(value: unknown, source: string): ModelDescription {
  if (value === undefined) {
    throw new ModelError(`${source}: holds weights but no description of the model; take a checkpoint of a run`);
  }
  const result = modelDescription.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new ModelError(
      `${source}: the description of the model does not fit ('${issue?.path.join(".") ?? ""}': ${issue?.message ?? ""}); it may come from another version`,
    );
  }
  return result.data;
}

/** Code of a model of one's own, and where it came from. */
export interface ModelCode {
  readonly text: string;
  readonly source: string;
}

/**
 * The network that a description stands for, with start values of the seed.
 * @throws ModelError when a custom network's code is missing or does not make one.
 */
export function buildNetwork(description: ModelDescription, seed: number, code?: ModelCode): SegmentationNetwork {
  const { architecture, inputSlices: inChannels, classes, baseFeatures, depth, network } = description;
  const request = { inChannels, classes: classes.length, baseFeatures, depth, seed };
  if (architecture !== "custom") return new UNet({ ...network, ...request });
  if (code === undefined) throw new ModelError("the code of this model is not at hand; give its run folder");
  return buildCustom(code.text, code.source, request);
}

/** The entries of a checkpoint that are the network's, without the optimizer's moments, averaged weights and the loss
 * scaler's state. */
export const networkState = (tensors: ReadonlyMap<string, SafetensorsTensor>): Map<string, SafetensorsTensor> =>
  new Map([...tensors].filter(([name]) => !/^(exp_avg(_sq)?|momentum_buffer|loss_scaler|ema)\./.test(name)));
