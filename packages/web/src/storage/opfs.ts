import { dirName, systemError } from "@lobule/data";

/** A file that one worker has open. TypeScript knows it in the library for workers alone, which excludes that for pages. */
export interface AccessHandle {
  getSize(): number;
  read(into: Uint8Array, options: { readonly at: number }): number;
  write(bytes: Uint8Array, options: { readonly at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

/** What TypeScript's library for pages lacks of the handles. */
interface WorkerFileHandle extends FileSystemFileHandle {
  createSyncAccessHandle(options?: { readonly mode: "readwrite" | "read-only" }): Promise<AccessHandle>;
  /** Gives the file another name in its folder, in the place of what has it. */
  move(name: string): Promise<void>;
}

const codes: Readonly<Record<string, string>> = {
  NotFoundError: "ENOENT",
  QuotaExceededError: "ENOSPC",
  NoModificationAllowedError: "EBUSY",
  NotAllowedError: "EACCES",
  SecurityError: "EACCES",
};

/** The browser's error as a system would give it. */
const asSystemError = (error: unknown): unknown => {
  const code = error instanceof DOMException ? codes[error.name] : undefined;
  return code === undefined ? error : systemError(code);
};

/** What `work` gives; the browser's refusals become a system's errors. */
export async function asSystem<Result>(work: () => Promise<Result> | Result): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw asSystemError(error);
  }
}

/** Milliseconds that a file is waited for which another worker or tab has open. */
const patience = 10_000;
const pause = 20;

/** Does what another worker or tab may hinder for a moment. @throws EBUSY where it hinders it for longer. */
export async function inTime<Result>(work: () => Promise<Result>): Promise<Result> {
  for (const end = performance.now() + patience; ; ) {
    try {
      return await work();
    } catch (error) {
      const busy = error instanceof DOMException && error.name === "NoModificationAllowedError";
      if (!busy || performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/** The browser's private file system: names of files and folders below a root. All paths are absolute. */
export class Opfs {
  constructor(private readonly root: FileSystemDirectoryHandle) {}

  /** @throws ENOENT, ENOTDIR. */
  async folder(path: string): Promise<FileSystemDirectoryHandle> {
    let folder = this.root;
    for (const name of path.split("/").filter((each) => each !== "")) {
      try {
        folder = await folder.getDirectoryHandle(name);
      } catch (error) {
        throw isMismatch(error) ? systemError("ENOTDIR") : asSystemError(error);
      }
    }
    return folder;
  }

  /** @param create whether it may be made where it is missing. @throws ENOENT, ENOTDIR, EISDIR. */
  async file(path: string, create = false): Promise<WorkerFileHandle> {
    const folder = await this.folder(dirName(path));
    const name = nameOf(path);
    if (name === "") throw systemError("EISDIR");
    try {
      return (await folder.getFileHandle(name, { create })) as WorkerFileHandle;
    } catch (error) {
      throw isMismatch(error) ? systemError("EISDIR") : asSystemError(error);
    }
  }

  /** The file or folder of a path. @throws ENOENT, ENOTDIR. */
  async entry(path: string): Promise<FileSystemFileHandle | FileSystemDirectoryHandle> {
    try {
      return await this.file(path);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EISDIR") return this.folder(path);
      throw error;
    }
  }
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

const isMismatch = (error: unknown): boolean => error instanceof DOMException && error.name === "TypeMismatchError";
