import {
  DataError,
  FileReadError,
  parseJsonText,
  plural,
  readBytes,
  type Storage,
  writeFileAtomically,
} from "@lobule/data";
import { type EpochRecord, epochRecordLine, parseEpochRecord } from "./epoch-record.js";

/**
 * A file of records, a line each, replaced as a whole. The line end is what makes a record count: text after the last
 * one was torn by a kill of an earlier version and is left out when reading, and cut off before the next record is added.
 * Lines that were lost leave a gap in the epochs, see {@link missingEpochs}.
 */
export class MetricsLog {
  constructor(
    private readonly storage: Storage,
    private readonly path: string,
  ) {}

  /**
   * Adds a record and waits until it is on disk. Values that are not finite are written as null.
   * @throws FileWriteError when the disk is full or cannot be written; the log then holds what it held.
   */
  async append(record: EpochRecord): Promise<void> {
    const line = epochRecordLine(record);
    await writeFileAtomically(this.storage, this.path, [
      await this.wholeLines(),
      new TextEncoder().encode(`${line}\n`),
    ]);
  }

  /** All records, rising. @throws Error that names the file and the line, when one is damaged or out of order. */
  async read(): Promise<EpochRecord[]> {
    return this.parsedLines();
  }

  /**
   * Keeps the records of the first `epochs` epochs, all in the form of this version.
   * @throws Error as `read`, FileWriteError as `append`.
   */
  async truncate(epochs: number): Promise<void> {
    const kept = (await this.parsedLines()).filter(({ epoch }) => epoch < epochs);
    await writeFileAtomically(this.storage, this.path, kept.map((record) => `${epochRecordLine(record)}\n`).join(""));
  }

  private async parsedLines(): Promise<EpochRecord[]> {
    const lines = new TextDecoder()
      .decode(await this.wholeLines())
      .split("\n")
      .slice(0, -1);
    let before: EpochRecord | undefined;
    return lines.map((line, i) => {
      const where = `${this.path}, line ${i + 1}:`;
      const record = parseEpochRecord(parseJsonText(line, where), where);
      if (before !== undefined && (record.epoch <= before.epoch || record.step <= before.step)) {
        throw new DataError(
          `${where} epoch ${record.epoch} with ${plural(record.step, "step")} comes after epoch ${before.epoch} with ${before.step}; restore the file, or remove the line that does not belong there`,
        );
      }
      before = record;
      return record;
    });
  }

  /**
   * What stands up to and with the last line end; nothing before the first record. A whole record that lacks its line
   * end alone, as an editor may leave it, gets one.
   */
  private async wholeLines(): Promise<Uint8Array> {
    const bytes = await readBytes(this.storage, this.path, "record").catch((error: unknown) => {
      if (error instanceof FileReadError && error.missing) return new Uint8Array();
      throw error;
    });
    const end = bytes.lastIndexOf(0x0a) + 1;
    return isRecord(new TextDecoder().decode(bytes.subarray(end))) ? withLineEnd(bytes) : bytes.subarray(0, end);
  }
}

function isRecord(text: string): boolean {
  try {
    parseEpochRecord(JSON.parse(text), "");
    return true;
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
