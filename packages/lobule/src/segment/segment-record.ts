import { realpath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { readJson, writeFileAtomically } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import {
  type Labeled,
  type LabeledBy,
  type SegmentEntries,
  segmentRecordSchema,
  segmentRecordText,
} from "@lobule/train";
import type { SegmentFiles } from "./segment-files.js";

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
    private labels: SegmentEntries,
  ) {}

  /** The record of a folder; an empty one where there is none that can be read. */
  static async open(folder: string): Promise<SegmentRecord> {
    const path = join(folder, "segment.json");
    try {
      return new SegmentRecord(path, segmentRecordSchema.parse(await readJson(nodeStorage, path, "record")).labels);
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
    await writeFileAtomically(nodeStorage, this.path, segmentRecordText(this.labels));
  }
}
