import { AttentionResUNet } from "@lobule/nn";
import type { SafetensorsTensor } from "@lobule/tensor";
import { z } from "zod";

/** What must be known besides the weights to use a model: the network's shape and how slices are prepared for it. */
const modelDescription = z.strictObject({
  version: z.literal(1),
  architecture: z.literal("AttentionResUNet"),
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

/** A model file that cannot be used; one sentence says why. */
export class ModelError extends Error {
  override readonly name = "ModelError";
}

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

/** The network that a description stands for, with start values of the seed. */
export const buildNetwork = (
  { classes, baseFeatures, depth }: ModelDescription,
  seed: number,
): AttentionResUNet<1, number> =>
  new AttentionResUNet({ inChannels: 1, classes: classes.length, baseFeatures, depth, seed });

/** The entries of a checkpoint that are the network's, without the optimizer's moments, averaged weights and the loss
 * scaler's state. */
export const networkState = (tensors: ReadonlyMap<string, SafetensorsTensor>): Map<string, SafetensorsTensor> =>
  new Map([...tensors].filter(([name]) => !/^(exp_avg(_sq)?|momentum_buffer|loss_scaler|ema)\./.test(name)));
