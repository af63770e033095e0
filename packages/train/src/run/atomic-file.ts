import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** A file that could not be written; one sentence says which and why. What it held before is untouched. */
export class FileWriteError extends Error {
  override readonly name = "FileWriteError";
}

/**
 * Writes a file so that at any moment, also after a kill or a power cut, its name holds either all of the old content
 * or all of the new: a temporary file in the same folder, fsync, rename, fsync of the folder.
 *
 * The temporary file's name is fixed, so one left by a kill is replaced by the next write. Two writers of one file at a
 * time are not provided for.
 * @throws FileWriteError when the disk is full or the place cannot be written; nothing is left behind.
 */
export async function writeFileAtomically(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.partial`);
  try {
    const file = await open(temporary, "w");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    // A second failure here would hide the first, which is the one to report.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeError(path, error);
  }
}

/** The error to report for a failed write of `path`. */
export function writeError(path: string, error: unknown): FileWriteError {
  return new FileWriteError(`cannot write ${path}: ${reason(error)}; what it held before is untouched`, {
    cause: error,
  });
}

/** Codes by which systems say that a folder cannot be opened or synced, as on Windows. */
const folderSyncUnsupported = new Set(["EPERM", "EISDIR", "EINVAL", "ENOTSUP", "EBADF"]);

/** Makes a rename last. Where a system has no such call, the rename alone is what there is. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!folderSyncUnsupported.has(errorCode(error) ?? "")) throw error;
  }
}

/** Why the system refused, in words. */
export function reason(error: unknown): string {
  const code = errorCode(error);
  const words: Readonly<Record<string, string>> = {
    ENOSPC: "the disk is full",
    EDQUOT: "the disk quota is used up",
    EFBIG: "the file is larger than the system allows",
    EACCES: "permission is denied",
    EPERM: "permission is denied",
    EROFS: "the disk can only be read",
    ENOENT: "there is no such file or folder",
    ENOTDIR: "a part of the path is a file, not a folder",
    EISDIR: "it is a folder",
  };
  return words[code ?? ""] ?? (error instanceof Error ? error.message : String(error));
}

/** The system's code of a failed call, such as "ENOSPC". */
export function errorCode(error: unknown): string | undefined {
  const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}
