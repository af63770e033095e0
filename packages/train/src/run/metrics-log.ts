import { open } from "node:fs/promises";
import { DataError, FileReadError, readBytes, writeError, writeFileAtomically } from "@lobule/data";
import { type EpochRecord, epochRecordSchema } from "./epoch-record.js";
import { parseJson } from "./parse-json.js";

/**
 * A file of records, a line each. The line end is what makes a record count: text after the last one was torn by a kill
 * and is left out when reading, and cut off before the next record is added. Lines that were lost leave a gap in the epochs,
 * see {@link missingEpochs}.
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
    const { bytes: before, mended } = await this.wholeLines();
    if (before.length === 0 || mended) {
      await writeFileAtomically(this.path, [before, new TextEncoder().encode(`${line}\n`)]);
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

  /** All records, rising. @throws Error that names the file and the line, when one is damaged or out of order. */
  async read(): Promise<EpochRecord[]> {
    return (await this.parsedLines()).map(({ record }) => record);
  }

  /** Keeps the records of the first `epochs` epochs. @throws Error as `read`, FileWriteError as `append`. */
  async truncate(epochs: number): Promise<void> {
    const kept = (await this.parsedLines()).filter(({ record }) => record.epoch < epochs);
    await writeFileAtomically(this.path, kept.map(({ line }) => `${line}\n`).join(""));
  }

  private async parsedLines(): Promise<{ readonly line: string; readonly record: EpochRecord }[]> {
    const lines = new TextDecoder()
      .decode((await this.wholeLines()).bytes)
      .split("\n")
      .slice(0, -1);
    let before: EpochRecord | undefined;
    return lines.map((line, i) => {
      const where = `${this.path}, line ${i + 1}:`;
      const record = parseJson(line, epochRecordSchema, where);
      if (before !== undefined && (record.epoch <= before.epoch || record.step <= before.step)) {
        throw new DataError(
          `${where} epoch ${record.epoch} with ${record.step} steps comes after epoch ${before.epoch} with ${before.step}; restore the file, or remove the line that does not belong there`,
        );
      }
      before = record;
      return { line, record };
    });
  }

  /**
   * What stands up to and with the last line end; nothing before the first record. A whole record that lacks its line
   * end alone, as an editor may leave it, is `mended` with one.
   */
  private async wholeLines(): Promise<{ readonly bytes: Uint8Array; readonly mended: boolean }> {
    const bytes = await readBytes(this.path, "record").catch((error: unknown) => {
      if (error instanceof FileReadError && error.missing) return new Uint8Array();
      throw error;
    });
    const end = bytes.lastIndexOf(0x0a) + 1;
    const mended = isRecord(new TextDecoder().decode(bytes.subarray(end)));
    return mended ? { bytes: withLineEnd(bytes), mended } : { bytes: bytes.subarray(0, end), mended };
  }
}

function isRecord(text: string): boolean {
  try {
    return epochRecordSchema.safeParse(JSON.parse(text)).success;
  } catch {
    return false;
  }
}

function withLineEnd(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length + 1);
  result.set(bytes);
  result[bytes.length] = 0x0a;
  return result;
}
