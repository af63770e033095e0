import { joinPath } from "../storage/paths.js";
import type { ReplaceOptions, Storage } from "../storage/storage.js";
import { reason } from "./system-error.js";

/** A file that could not be written; one sentence says which and why. What it held before is untouched. */
export class FileWriteError extends Error {
  override readonly name = "FileWriteError";
}

/**
 * Writes a file so that at any moment, also after a kill or a power cut, its name holds either all of the old content
 * or all of the new; see `Storage.replace`.
 *
 * Of two writers of one file at a time the last to end counts.
 * @param content the bytes, a text, or bytes in several pieces.
 * @throws FileWriteError when the disk is full or the place cannot be written; nothing is left behind.
 */
export async function writeFileAtomically(
  storage: Storage,
  path: string,
  content: Uint8Array | string | readonly Uint8Array[],
  options: ReplaceOptions = {},
): Promise<void> {
  try {
    await replaceFile(storage, path, piecesOf(content), options);
  } catch (error) {
    throw writeError(path, error);
  }
}

const piecesOf = (content: Uint8Array | string | readonly Uint8Array[]): readonly Uint8Array[] => {
  if (typeof content === "string") return [new TextEncoder().encode(content)];
  return content instanceof Uint8Array ? [content] : content;
};

/** The same with the system's error as it is. */
export async function replaceFile(
  storage: Storage,
  path: string,
  pieces: readonly Uint8Array[],
  options: ReplaceOptions = {},
): Promise<void> {
  const file = await storage.replace(path, options);
  try {
    for (const piece of pieces) await file.write(piece);
    await file.commit();
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/**
 * Tries whether a folder can be written by beginning a file in it. One that a kill leaves is removed like any other.
 * @throws Error of the system.
 */
export async function tryFolder(storage: Storage, folder: string): Promise<void> {
  await (await storage.replace(joinPath(folder, "tried"))).discard();
}

/** The error to report for a failed write of `path`. */
export function writeError(path: string, error: unknown): FileWriteError {
  return new FileWriteError(`cannot write ${path}: ${reason(error)}; what it held before is untouched`, {
    cause: error,
  });
}
