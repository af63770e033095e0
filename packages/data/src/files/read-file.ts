import { DataError } from "../data-error.js";
import type { EntryKind, Storage } from "../storage/storage.js";
import { parseJsonText } from "./json.js";
import { errorCode, reason } from "./system-error.js";

/** A file that cannot be read. The message names it and says why in one sentence, without advice. */
export class FileReadError extends DataError {
  override readonly name = "FileReadError";

  constructor(
    path: string,
    problem: string,
    /** Whether there is no such file. */
    readonly missing = false,
  ) {
    super(`${path} ${problem}`);
  }
}

const MiB = 2 ** 20;

/** The most bytes that a file which is read as a whole may have, by what it holds. */
export const maximumBytes = {
  /** What a person writes or a run is described by: configuration, dataset.json, an experiment. */
  description: 16 * MiB,
  /** What is measured, by case, epoch or kernel. */
  record: 256 * MiB,
  /** A model's program. */
  code: 32 * MiB,
  /** Weights and the moments of an optimizer; Node's buffers hold no more. */
  tensors: 4096 * MiB - 1,
} as const;

/** What a file that is read as a whole holds; it says how long the file may be. */
export type FileContent = keyof typeof maximumBytes;

/** All bytes of a regular file. @throws FileReadError where it cannot be read or is longer than such files may be. */
export async function readBytes(
  storage: Storage,
  path: string,
  content: FileContent,
): Promise<Uint8Array<ArrayBuffer>> {
  const file = await storage.open(path);
  try {
    const { size } = file;
    const most = maximumBytes[content];
    if (size > most) throw new FileReadError(path, `has ${inMiB(size)}, more than the ${inMiB(most)} it may have`);
    const bytes = new Uint8Array(size);
    return bytes.subarray(0, await file.read(bytes, 0));
  } catch (error) {
    throw readError(path, error);
  } finally {
    await file.close();
  }
}

/** All of a regular file as text. @throws FileReadError as {@link readBytes}, or where it is not UTF-8. */
export async function readText(storage: Storage, path: string, content: FileContent): Promise<string> {
  const bytes = await readBytes(storage, path, content);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FileReadError(path, "is no text in UTF-8");
  }
}

/** The value of a JSON file. @throws FileReadError as {@link readText}, DataError as parseJsonText. */
export async function readJson(storage: Storage, path: string, content: FileContent): Promise<unknown> {
  return parseJsonText(await readText(storage, path, content), path);
}

/** The error for a path that names no regular file. */
export const notRegular = (path: string, kind: Exclude<EntryKind, "file">): FileReadError =>
  new FileReadError(path, kind === "other" ? "is not a regular file" : `is a ${kind}, not a regular file`);

/** The error to report for a failed reading of `path`. */
export function readError(path: string, error: unknown): FileReadError {
  if (error instanceof FileReadError) return error;
  const missing = errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR";
  return new FileReadError(path, missing ? "is missing" : `cannot be read: ${reason(error)}`, missing);
}

const inMiB = (bytes: number): string => `${(bytes / MiB).toLocaleString("en-US", { maximumFractionDigits: 1 })} MiB`;
