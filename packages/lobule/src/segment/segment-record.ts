import { realpath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { readJson, writeFileAtomically } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { z } from "zod";
import type { SegmentFiles } from "./segment-files.js";

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
    /** SHA-256 of the checkpoint. */
    model: z.string(),
    mirror: z.boolean(),
    precision: z.enum(["f32", "f16"]),
    largestComponent: z.boolean(),
  }),
  volumes: z.array(volumeSchema),
  notes: z.array(z.string()),
});

const recordSchema = z.strictObject({
  format: z.literal("lobule-segment"),
  version: z.literal(1),
  /** By the name of the labels' file. */
  labels: z.record(z.string(), entrySchema),
});

export type LabeledBy = z.output<typeof entrySchema>["by"];
export type LabeledVolume = z.output<typeof volumeSchema>;
/** What was found in a scan. */
export interface Labeled {
  readonly volumes: readonly LabeledVolume[];
  readonly notes: readonly string[];
}

const fileText = async (path: string): Promise<string | undefined> => {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.size} ${found.mtimeNs}`;
};

/**
 * segment.json in a folder of labels: what made each of them. By it the same command, given again after an error or
 * Ctrl-C, knows which of its scans are done; labels of another model or another scan never count as such.
 */
export class SegmentRecord {
  private constructor(
    private readonly path: string,
    private labels: z.output<typeof recordSchema>["labels"],
  ) {}

  /** The record of a folder; an empty one where there is none that can be read. */
  static async open(folder: string): Promise<SegmentRecord> {
    const path = join(folder, "segment.json");
    try {
      return new SegmentRecord(path, recordSchema.parse(await readJson(nodeStorage, path, "record")).labels);
    } catch {
      return new SegmentRecord(path, {});
    }
  }

  /** What was found in a scan whose labels, and picture if asked for, are there, made in the same way; else undefined. */
  async find(files: SegmentFiles, by: LabeledBy): Promise<Labeled | undefined> {
    const { preview } = files;
    if (!(await this.made(files, by)) || (preview !== undefined && (await fileText(preview)) === undefined)) {
      return undefined;
    }
    return this.labels[basename(files.output)];
  }

  /** Whether the labels of a scan are there, made in the same way of the same scan. */
  async made({ scan, output }: SegmentFiles, by: LabeledBy): Promise<boolean> {
    const entry = this.labels[basename(output)];
    return (
      entry !== undefined &&
      isDeepStrictEqual(entry.by, by) &&
      entry.scan === (await realpath(scan)) &&
      entry.scanFile === (await fileText(scan)) &&
      entry.outputFile === (await fileText(output))
    );
  }

  /** Writes down that a scan is done. */
  async add({ scan, output }: SegmentFiles, by: LabeledBy, { volumes, notes }: Labeled): Promise<void> {
    const [scanFile = "", outputFile = ""] = [await fileText(scan), await fileText(output)];
    const entry = { scan: await realpath(scan), scanFile, outputFile, by, volumes: [...volumes], notes: [...notes] };
    this.labels = { ...this.labels, [basename(output)]: entry };
    const text = { format: "lobule-segment", version: 1, labels: this.labels };
    await writeFileAtomically(nodeStorage, this.path, `${JSON.stringify(text, null, 2)}\n`);
  }
}
