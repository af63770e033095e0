import { createHash } from "node:crypto";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { entryAt, readJson, writeFileAtomically } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import {
  type Labeled,
  type LabeledBy,
  type SegmentEntries,
  segmentRecordSchema,
  segmentRecordText,
} from "@lobule/train";
import { type SegmentFiles, writtenPaths } from "./segment-files.js";

const fileText = async (path: string): Promise<string | undefined> => {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.size} ${found.mtimeNs}`;
};

/**
 * What a scan is like, and which of its series is taken. A folder's own time does not change when a file in it is written
 * anew.
 */
async function scanText(
  path: string,
  series: string | undefined,
  otherChannels: readonly string[] = [],
): Promise<string | undefined> {
  const isFolder = (await entryAt(nodeStorage, path))?.kind === "folder";
  const others = await Promise.all(otherChannels.map(fileText));
  const text = isFolder ? await folderText(path) : [await fileText(path), ...others].join(" ");
  return series === undefined ? text : `${text} ${series}`;
}

async function folderText(path: string): Promise<string> {
  const names = (await readdir(path)).sort();
  const texts = await Promise.all(names.map(async (name) => `${name} ${await fileText(join(path, name))}`));
  return createHash("sha256").update(texts.join("\n")).digest("hex");
}

/**
 * segment.json in a folder of labels: what made each of them. By it the same command, given again after an error or
 * Ctrl-C, knows which of its scans are done; labels of another model or another scan never count as such.
 */
export class SegmentRecord {
  private constructor(
    private readonly path: string,
    private labels: SegmentEntries,
    private readonly series: string | undefined,
  ) {}

  /**
   * The record of a folder; an empty one where there is none that can be read.
   * @param series UID of the one that is taken of folders that hold several.
   */
  static async open(folder: string, series: string | undefined): Promise<SegmentRecord> {
    const path = join(folder, "segment.json");
    try {
      const { labels } = segmentRecordSchema.parse(await readJson(nodeStorage, path, "record"));
      return new SegmentRecord(path, labels, series);
    } catch {
      return new SegmentRecord(path, {}, series);
    }
  }

  /**
   * What was found in a scan whose labels are there with the picture and the maps that are asked for, made in the same way;
   * else undefined.
   */
  async find(files: SegmentFiles, by: LabeledBy): Promise<Labeled | undefined> {
    const { preview } = files;
    const foreign = await this.foreignMaps(files);
    const lacks = foreign.length > 0 || (preview !== undefined && (await fileText(preview)) === undefined);
    if (lacks || !(await this.made(files, by))) return undefined;
    return this.labels[basename(files.output)];
  }

  /**
   * Paths of what is to be written, without what was made in the same way: nothing of others is to be there. Where labels are
   * lost, what was written with them is not of others.
   */
  async foreignPaths(files: SegmentFiles, by: LabeledBy): Promise<readonly string[]> {
    const lost = (await fileText(files.output)) === undefined && (await this.madeOf(files, by));
    return lost || (await this.made(files, by)) ? this.foreignMaps(files) : writtenPaths(files);
  }

  /** Paths of the maps that are not there as they were written with the labels. */
  private async foreignMaps({ output, maps }: SegmentFiles): Promise<string[]> {
    const written = new Map(this.labels[basename(output)]?.maps?.map(({ path, file }) => [path, file]));
    const foreign: string[] = [];
    for (const path of Object.values(maps)) {
      const text = await fileText(path);
      if (text === undefined || text !== written.get(resolve(path))) foreign.push(path);
    }
    return foreign;
  }

  /** Whether the labels of a scan are there, made in the same way of the same scan. */
  async made(files: SegmentFiles, by: LabeledBy): Promise<boolean> {
    const { output } = files;
    return (await this.madeOf(files, by)) && this.labels[basename(output)]?.outputFile === (await fileText(output));
  }

  /** Whether labels were made in the same way of the same scan, be they there or not. */
  private async madeOf({ scan, otherChannels, output }: SegmentFiles, by: LabeledBy): Promise<boolean> {
    const entry = this.labels[basename(output)];
    return (
      entry !== undefined &&
      isDeepStrictEqual(entry.by, by) &&
      entry.scan === (await realpath(scan)) &&
      entry.scanFile === (await scanText(scan, this.series, otherChannels))
    );
  }

  /** Writes down that a scan is done. */
  async add(
    { scan, otherChannels, output, maps }: SegmentFiles,
    by: LabeledBy,
    { volumes, notes }: Labeled,
  ): Promise<void> {
    const scanFile = (await scanText(scan, this.series, otherChannels)) ?? "";
    const outputFile = (await fileText(output)) ?? "";
    const written = await Promise.all(
      Object.values(maps).map(async (path) => ({ path: resolve(path), file: (await fileText(path)) ?? "" })),
    );
    const entry = {
      scan: await realpath(scan),
      scanFile,
      outputFile,
      by,
      ...(written.length === 0 ? {} : { maps: written }),
      volumes: [...volumes],
      notes: [...notes],
    };
    this.labels = { ...this.labels, [basename(output)]: entry };
    await writeFileAtomically(nodeStorage, this.path, segmentRecordText(this.labels));
  }
}
