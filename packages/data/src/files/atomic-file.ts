import { PartialFile } from "./partial-file.js";
import { reason } from "./system-error.js";

/** A file that could not be written; one sentence says which and why. What it held before is untouched. */
export class FileWriteError extends Error {
  override readonly name = "FileWriteError";
}

/**
 * Writes a file so that at any moment, also after a kill or a power cut, its name holds either all of the old content
 * or all of the new: a temporary file of a random name in the same folder, fsync, rename, fsync of the folder. A file
 * that is there gives the new one its permissions; a symbolic link is replaced, what it names stays as it is.
 *
 * Of two writers of one file at a time the last to end counts.
 * @param content the bytes, a text, or bytes in several pieces.
 * @param options.mode permissions whatever the file had before, such as 0o600.
 * @throws FileWriteError when the disk is full or the place cannot be written; nothing is left behind.
 */
export async function writeFileAtomically(
  path: string,
  content: Uint8Array | string | readonly Uint8Array[],
  { mode }: { readonly mode?: number } = {},
): Promise<void> {
  try {
    const file = await PartialFile.create(path, mode);
    try {
      for (const piece of typeof content === "string" || content instanceof Uint8Array ? [content] : content)
        await file.handle.writeFile(piece);
      await file.commit();
    } catch (error) {
      await file.discard();
      throw error;
    }
  } catch (error) {
    throw writeError(path, error);
  }
}

/** The error to report for a failed write of `path`. */
export function writeError(path: string, error: unknown): FileWriteError {
  return new FileWriteError(`cannot write ${path}: ${reason(error)}; what it held before is untouched`, {
    cause: error,
  });
}
