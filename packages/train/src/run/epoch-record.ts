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
  learningRate: z.number().nonnegative(),
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

/** Epochs, from 0, that lie among the first `epochs` and have no record. */
export function missingEpochs(records: readonly Pick<EpochRecord, "epoch">[], epochs: number): number[] {
  const known = new Set(records.map(({ epoch }) => epoch));
  return Array.from({ length: epochs }, (_, epoch) => epoch).filter((epoch) => !known.has(epoch));
}

/** The sentence about records that were lost; undefined where all are there. Epochs are counted from 1 for people. */
export function lostRecordsNote(missing: readonly number[], path: string): string | undefined {
  if (missing.length === 0) return undefined;
  const shown = missing.slice(0, 5).map((epoch) => epoch + 1);
  const names =
    missing.length > shown.length ? `${shown.join(", ")} and ${missing.length - shown.length} more` : shown.join(", ");
  return `${path} has lost the record of epoch${missing.length === 1 ? "" : "s"} ${names}: curves and tables lack ${missing.length === 1 ? "it" : "them"}, the training does not; restore the file from a copy if there is one`;
}
