import { z } from "zod";

/** A number that may be NaN, for which JSON has no word: null there. */
const finiteOrNaN = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
/** A value of each class, background first; null where the class has none. */
const byClass = z.array(z.number().nullable());

/** What a line of metrics.jsonl must look like. */
export const epochRecordSchema = z.strictObject({
  /** From 0, as the sampler counts; people are shown one more. */
  epoch: z.int().nonnegative(),
  /** Batches trained on by the end of the epoch, those of earlier epochs included. */
  step: z.int().nonnegative(),
  /** Step size during the epoch. */
  learningRate: z.number(),
  /** Means over the epoch's samples. */
  training: z.strictObject({
    loss: finiteOrNaN,
    /** The term by pixels: cross-entropy or what the loss of the run has in its place (weighted, focal). */
    crossEntropy: finiteOrNaN,
    /** The term by overlap: Dice loss, or Tversky loss where that is the loss of the run. */
    diceLoss: finiteOrNaN,
    /** Soft Dice. */
    dice: byClass,
  }),
  /** Means over the validation samples. */
  validation: z.strictObject({
    loss: finiteOrNaN,
    crossEntropy: finiteOrNaN,
    diceLoss: finiteOrNaN,
    /** The four readings of Dice, which are never compared with one another; see DiceReadings. */
    dice: z.strictObject({ sliceMean: byClass, foregroundSliceMean: byClass, pooled: byClass, perCase: byClass }),
  }),
  /** Wall time of the epoch, validation included. */
  seconds: z.number().nonnegative(),
  /** Training slices by second of training. */
  slicesPerSecond: z.number().nonnegative(),
  /** Share of the training time, 0 to 1, in which the device waited for data. */
  waitedShare: z.number().min(0).max(1),
  /** Whether this epoch's weights became the best checkpoint. */
  best: z.boolean(),
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** What is known of an epoch once it is over: a line of metrics.jsonl. */
export type EpochRecord = DeepReadonly<z.output<typeof epochRecordSchema>>;
