import type { Stats } from "node:fs";
import { constants, type FileHandle, open, stat } from "node:fs/promises";
import { DataError } from "../data-error.js";
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

export interface RegularFile {
  /** Open for reading. The caller closes it. */
  readonly handle: FileHandle;
  /** Bytes when it was opened. No more are to be read: what the system calls empty may have no end. */
  readonly size: number;
}

/**
 * Opens a regular file for reading and never waits: not for the writer of a pipe, a device, or a socket.
 * @throws FileReadError where there is none, or it is something else.
 */
export async function openRegularFile(path: string): Promise<RegularFile> {
  let handle: FileHandle | undefined;
  try {
    // Looked at before it is opened, since that alone can start a device, and after, since it can be another one then.
    requireRegular(path, await stat(path));
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const found = await handle.stat();
    requireRegular(path, found);
    return { handle, size: found.size };
  } catch (error) {
    await handle?.close();
    throw asReadError(path, error);
  }
}

/** All bytes of a regular file. @throws FileReadError where it cannot be read or is longer than such files may be. */
export async function readBytes(path: string, content: FileContent): Promise<Uint8Array<ArrayBuffer>> {
  const { handle, size } = await openRegularFile(path);
  try {
    const most = maximumBytes[content];
    if (size > most) throw new FileReadError(path, `has ${inMiB(size)}, more than the ${inMiB(most)} it may have`);
    const bytes = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      const { bytesRead } = await handle.read(bytes, filled, Math.min(size - filled, 2 ** 30), filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } catch (error) {
    throw asReadError(path, error);
  } finally {
    await handle.close();
  }
}

/** All of a regular file as text. @throws FileReadError as {@link readBytes}, or where it is not UTF-8. */
export async function readText(path: string, content: FileContent): Promise<string> {
  const bytes = await readBytes(path, content);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FileReadError(path, "is no text in UTF-8");
  }
}

/** The value of a JSON file. @throws FileReadError as {@link readText}, DataError as parseJsonText. */
export async function readJson(path: string, content: FileContent): Promise<unknown> {
  return parseJsonText(await readText(path, content), path);
}

function requireRegular(path: string, kind: Stats): void {
  if (kind.isFile()) return;
  const what = kind.isDirectory()
    ? "a folder"
    : kind.isFIFO()
      ? "a pipe"
      : kind.isSocket()
        ? "a socket"
        : kind.isCharacterDevice() || kind.isBlockDevice()
          ? "a device"
          : undefined;
  throw new FileReadError(path, what === undefined ? "is not a regular file" : `is ${what}, not a regular file`);
}

function asReadError(path: string, error: unknown): FileReadError {
  if (error instanceof FileReadError) return error;
  const missing = errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR";
  return new FileReadError(path, missing ? "is missing" : `cannot be read: ${reason(error)}`, missing);
}

const inMiB = (bytes: number): string => `${(bytes / MiB).toLocaleString("en-US", { maximumFractionDigits: 1 })} MiB`;
