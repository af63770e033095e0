import { DataError } from "@lobule/data";
import { z } from "zod";
import { fitJson } from "../json/parse-json.js";

/** A number that may be NaN, for which JSON has no word: null there. */
const finiteOrNaN = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
/** A value of each class, background first; null where the class has none. */
const byClass = z.array(z.number().nullable());

const epochRecord = z.strictObject({
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
    pixelLoss: finiteOrNaN,
    /** The term by overlap: Dice loss, or Tversky loss where that is the loss of the run. */
    overlapLoss: finiteOrNaN,
    /** Soft Dice. */
    dice: byClass,
  }),
  /** Means over the validation samples. */
  validation: z.strictObject({
    loss: finiteOrNaN,
    pixelLoss: finiteOrNaN,
    overlapLoss: finiteOrNaN,
    /** The four readings of Dice, which are never compared with one another; see DiceReadings. */
    dice: z.strictObject({ sliceMean: byClass, foregroundSliceMean: byClass, pooled: byClass, perCase: byClass }),
  }),
  /** Wall time of the epoch, validation included. */
  seconds: z.number().nonnegative(),
  /** Training slices by second of training. */
  slicesPerSecond: z.number().nonnegative(),
  /** Share of the training time, 0 to 1, in which the device waited for data. */
  waitedShare: z.number().min(0).max(1),
  /** Where several processes trained together: how many, which share of the training time was spent exchanging, who was slowest. */
  ranks: z
    .strictObject({ size: z.int().min(2), exchangeShare: z.number().min(0).max(1), slowest: z.string() })
    .optional(),
  /** Whether this epoch's weights became the best checkpoint. */
  best: z.boolean(),
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** What is known of an epoch once it is over: a line of metrics.jsonl. */
export type EpochRecord = DeepReadonly<z.output<typeof epochRecord>>;

/** Version of the lines that are written. Lines of the first one have none. */
const recordVersion = 2;

type Plain = Readonly<Record<string, unknown>>;
const isPlain = (value: unknown): value is Plain =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The losses of a line without a version, in which both terms had the names of those of Dice-CE. */
function renamed(losses: unknown): unknown {
  if (!isPlain(losses)) return losses;
  const { crossEntropy, diceLoss, ...others } = losses;
  return { ...others, pixelLoss: crossEntropy, overlapLoss: diceLoss };
}

/**
 * The record that a line of metrics.jsonl holds, in the form of any version so far.
 * @param where names the line in messages.
 * @throws DataError when it is no record, or one of a newer version.
 */
export function parseEpochRecord(line: unknown, where: string): EpochRecord {
  if (!isPlain(line)) return fitJson(line, epochRecord, where);
  const { version, ...record } = line;
  if (version === recordVersion) return fitJson(record, epochRecord, where);
  if (version !== undefined) {
    throw new DataError(
      `${where} the record has version ${JSON.stringify(version)}, and this program knows those up to ${recordVersion}; update lobule`,
    );
  }
  const { training, validation } = record;
  return fitJson({ ...record, training: renamed(training), validation: renamed(validation) }, epochRecord, where);
}

/** The record as a line of metrics.jsonl, without its end. Values that are not finite are null. */
export function epochRecordLine(record: EpochRecord): string {
  // Through text and back, so that NaN is null before it is checked, and the fields come in the schema's order.
  const checked = fitJson<EpochRecord>(JSON.parse(JSON.stringify(record)), epochRecord, "the record of an epoch");
  return JSON.stringify({ version: recordVersion, ...checked });
}

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
