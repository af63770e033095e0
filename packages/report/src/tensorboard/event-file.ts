import { errorCode, FileWriteError, type GrowingFile, joinPath, reason, type Storage } from "@lobule/data";
import { concatenated, type EventPicture, sessionRecord, summaryRecord, versionRecord } from "./event-bytes.js";

export interface EventFileOptions {
  /** Wall time now, in seconds since 1970: the file's name, and what its first events bear. */
  readonly seconds: number;
  /** Name of the machine, part of the file's name. */
  readonly host: string;
  /** The step that comes first in this file. Of earlier files TensorBoard shows only what lies before it. */
  readonly firstStep: number;
}

/**
 * A TensorBoard event file of scalars and pictures. A process opens one of its own; TensorBoard joins the files of a
 * folder.
 */
export class EventFile {
  private constructor(
    readonly path: string,
    private readonly file: GrowingFile,
  ) {}

  /** Makes `folder` where it is missing, and a file in it. @throws FileWriteError when that fails. */
  static async create(
    storage: Storage,
    folder: string,
    { seconds, host, firstStep }: EventFileOptions,
  ): Promise<EventFile> {
    const whole = String(Math.floor(seconds)).padStart(10, "0");
    const path = joinPath(folder, `events.out.tfevents.${whole}.${host.replace(/[^\w.-]/g, "_")}`);
    try {
      await storage.makeFolder(folder);
      const result = await EventFile.new(storage, path);
      await result.write([versionRecord(seconds), sessionRecord(seconds, firstStep)]);
      return result;
    } catch (error) {
      throw eventFileError(path, error);
    }
  }

  /** A file that was not there, and no link: a second one of that name has a number at its end. */
  private static async new(storage: Storage, path: string): Promise<EventFile> {
    for (let number = 0; ; number++) {
      const free = number === 0 ? path : `${path}.${number}`;
      try {
        return new EventFile(free, await storage.append(free));
      } catch (error) {
        if (errorCode(error) !== "EEXIST") throw error;
      }
    }
  }

  /**
   * Adds one event with a value for each tag, then the pictures. Values that are null or undefined are left out; NaN is
   * written as NaN.
   * @param seconds wall time, since 1970.
   * @throws FileWriteError when the disk is full or cannot be written.
   */
  async add(
    step: number,
    seconds: number,
    scalars: Readonly<Record<string, number | null | undefined>>,
    pictures: readonly EventPicture[] = [],
  ): Promise<void> {
    const summary = summaryRecord(seconds, step, scalars, pictures);
    if (summary !== undefined) await this.write([summary]);
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  private async write(records: readonly Uint8Array[]): Promise<void> {
    try {
      await this.file.add(concatenated(records));
    } catch (error) {
      throw eventFileError(this.path, error);
    }
  }
}

const eventFileError = (path: string, error: unknown): FileWriteError =>
  new FileWriteError(`cannot write ${path}: ${reason(error)}`, { cause: error });
