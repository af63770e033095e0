import { open } from "node:fs/promises";
import { FileReadError, readBytes, writeError, writeFileAtomically } from "@lobule/data";
import { type EpochRecord, epochRecordSchema } from "./epoch-record.js";
import { parseJson } from "./parse-json.js";

/**
 * A file of records, a line each. The line end is what makes a record count: text after the last one was torn by a kill
 * and is left out when reading, and cut off before the next record is added.
 */
export class MetricsLog {
  constructor(private readonly path: string) {}

  /**
   * Adds a record and waits until it is on disk. Values that are not finite are written as null.
   * @throws FileWriteError when the disk is full or cannot be written; the log then holds what it held.
   */
  async append(record: EpochRecord): Promise<void> {
    // Through text and back, so that NaN is null before it is checked, and the fields come in the schema's order.
    const line = JSON.stringify(parseJson(JSON.stringify(record), epochRecordSchema, "the record of an epoch"));
    const before = await this.wholeLines();
    if (before.length === 0) {
      await writeFileAtomically(this.path, `${line}\n`);
      return;
    }
    try {
      const file = await open(this.path, "a");
      try {
        await file.truncate(before.length);
        await file.appendFile(`${line}\n`).catch(async (error: unknown) => {
          await file.truncate(before.length);
          throw error;
        });
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      throw writeError(this.path, error);
    }
  }

  /** All records. @throws Error that names the file and the line, when one is damaged. */
  async read(): Promise<EpochRecord[]> {
    return (await this.lines()).map((line, i) => this.parse(line, i));
  }

  /** Keeps the records of the first `epochs` epochs. @throws Error as `read`, FileWriteError as `append`. */
  async truncate(epochs: number): Promise<void> {
    const lines = await this.lines();
    const kept = lines.filter((line, i) => this.parse(line, i).epoch < epochs);
    await writeFileAtomically(this.path, kept.map((line) => `${line}\n`).join(""));
  }

  private parse(line: string, index: number): EpochRecord {
    return parseJson(line, epochRecordSchema, `${this.path}, line ${index + 1}:`);
  }

  private async lines(): Promise<string[]> {
    return new TextDecoder()
      .decode(await this.wholeLines())
      .split("\n")
      .slice(0, -1);
  }

  /** What stands up to and with the last line end; nothing before the first record. */
  private async wholeLines(): Promise<Uint8Array> {
    const bytes = await readBytes(this.path, "record").catch((error: unknown) => {
      if (error instanceof FileReadError && error.missing) return new Uint8Array();
      throw error;
    });
    return bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1);
  }
}
