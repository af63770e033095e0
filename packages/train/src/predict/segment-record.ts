import { z } from "zod";
import type { SegmentResult } from "./segment-volume.js";

const volumeSchema = z.strictObject({ name: z.string(), millilitres: z.number(), voxels: z.int() });

/** Size and time of change of a file, as text. */
const fileSchema = z.string();

const entrySchema = z.strictObject({
  /** The scan's real path, and what it was like. */
  scan: z.string(),
  scanFile: fileSchema,
  outputFile: fileSchema,
  /** What labeled it. */
  by: z.strictObject({
    /** SHA-256 of the checkpoint; of several, one after another. */
    model: z.string(),
    mirror: z.boolean(),
    precision: z.enum(["f32", "f16"]),
    largestComponent: z.boolean(),
    /** What was chosen for the model's labels and done to them, in words; not there where that is nothing. */
    postprocessing: z.string().optional(),
  }),
  /** Maps of how unsure the model is that were written with the labels: whole paths, and what they were like. */
  maps: z.array(z.strictObject({ path: z.string(), file: fileSchema })).optional(),
  volumes: z.array(volumeSchema),
  notes: z.array(z.string()),
});

/** segment.json in a folder of labels: what made each of them, and what was found. */
export const segmentRecordSchema = z.strictObject({
  format: z.literal("lobule-segment"),
  version: z.literal(1),
  /** By the name of the labels' file. */
  labels: z.record(z.string(), entrySchema),
});

/** What is known of labels, by the names of their files. */
export type SegmentEntries = z.output<typeof segmentRecordSchema>["labels"];
/** What labeled a scan. */
export type LabeledBy = z.output<typeof entrySchema>["by"];
/** A class in a scan. */
export type LabeledVolume = z.output<typeof volumeSchema>;

/** What was found in a scan. */
export interface Labeled {
  readonly volumes: readonly LabeledVolume[];
  /** What is odd in the scan's file and does no harm, a sentence each. */
  readonly notes: readonly string[];
}

/** What was found of each class but the background. @param classes names, background first. */
export const volumesOf = (
  { milliliters, voxels }: Pick<SegmentResult, "milliliters" | "voxels">,
  classes: readonly string[],
): LabeledVolume[] =>
  classes.slice(1).map((name, i) => ({ name, millilitres: milliliters[i + 1] ?? 0, voxels: voxels[i + 1] ?? 0 }));

/** The text of a segment.json. */
export function segmentRecordText(labels: SegmentEntries): string {
  const record: z.input<typeof segmentRecordSchema> = { format: "lobule-segment", version: 1, labels };
  return `${JSON.stringify(record, null, 2)}\n`;
}
