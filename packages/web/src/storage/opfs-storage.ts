import {
  type Entry,
  type GrowingFile,
  notRegular,
  type OpenFile,
  type PathIdentity,
  portablePacking,
  readError,
  resolvePath,
  type Storage,
  systemError,
  type Workers,
} from "@lobule/data";
import { type AccessHandle, asSystem, inTime, Opfs } from "./opfs.js";
import { takeLock } from "./web-lock.js";
import { webWorkers } from "./web-workers.js";
import { Writer, writeAll } from "./writer.js";

/** What a storage in the browser is told. */
export interface StorageOptions {
  /**
   * Starts a worker of `@lobule/web/task-worker` under a name that it must have, where the bundler does not find it by
   * itself: `new Worker(new URL("./task-worker.js", import.meta.url), { type: "module", name })` by default.
   */
  readonly startWorker?: (name: string) => Worker;
}

/**
 * The files that the browser keeps for this origin (OPFS), which outlive the tab. Files are replaced whole, also where the
 * tab is killed; a browser says nothing of power cuts. One file can be read by several tabs at a time, and is replaced
 * when they have closed it.
 * @throws Error where this is no worker, or the browser lacks what is needed.
 */
export async function openStorage(options: StorageOptions = {}): Promise<Storage> {
  requireWorker();
  const files = new Opfs(await asSystem(() => navigator.storage.getDirectory()));
  const writer = await Writer.begin(files, isWriter.test(self.name) ? self.name : crypto.randomUUID());
  const workers = webWorkers(options.startWorker, (folder, ended) => writer.removeLeftOvers(folder, ended));
  return new OpfsStorage(files, writer, workers);
}

/**
 * Removes a folder of the browser's files with all that it holds.
 * @throws ENOENT where it is not there, EBUSY where a tab has one of its files open.
 */
export async function removeFolder(path: string): Promise<void> {
  const whole = resolvePath("/", path);
  const files = new Opfs(await asSystem(() => navigator.storage.getDirectory()));
  await files.folder(whole);
  const above = await files.folder(resolvePath(whole, ".."));
  await asSystem(() => inTime(() => above.removeEntry(whole.slice(whole.lastIndexOf("/") + 1), { recursive: true })));
}

/** The name of a worker that a storage has started: a UUID. */
const isWriter = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function requireWorker(): void {
  if (!("FileSystemFileHandle" in globalThis))
    throw new Error("this page has no private file system; serve it by https or from localhost");
  if (!("createSyncAccessHandle" in FileSystemFileHandle.prototype))
    throw new Error("files can be written in a worker only; call openStorage in a dedicated worker");
  if (!("move" in FileSystemFileHandle.prototype))
    throw new Error("this browser cannot give a file its name once it is whole; use a newer one");
}

class OpfsStorage implements Storage {
  readonly packing = portablePacking;
  /** Browsers do not tell. */
  readonly memory = undefined;

  constructor(
    private readonly files: Opfs,
    private readonly writer: Writer,
    readonly workers: Workers,
  ) {}

  async stat(path: string): Promise<Entry> {
    const found = await this.files.entry(this.absolute(path));
    if (found.kind === "directory") return { kind: "folder", size: 0, stamp: "" };
    const { size, lastModified } = await asSystem(() => (found as FileSystemFileHandle).getFile());
    return { kind: "file", size, stamp: `${size} ${lastModified}` };
  }

  async list(folder: string): Promise<string[]> {
    const names: string[] = [];
    for await (const name of (await this.files.folder(this.absolute(folder))).keys()) names.push(name);
    return names;
  }

  async open(path: string): Promise<OpenFile> {
    try {
      const file = await this.files.file(this.absolute(path));
      return new OpfsFile(await asSystem(() => inTime(() => file.createSyncAccessHandle({ mode: "read-only" }))));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EISDIR") throw notRegular(path, "folder");
      throw readError(path, error);
    }
  }

  replace(path: string) {
    return this.writer.replace(this.absolute(path));
  }

  async append(path: string): Promise<GrowingFile> {
    const whole = this.absolute(path);
    if (await this.isThere(whole)) throw systemError("EEXIST");
    const file = await this.files.file(whole, true);
    return {
      // Open only while it grows, so that others can read it in between.
      add: (bytes) =>
        asSystem(async () => {
          const handle = await inTime(() => file.createSyncAccessHandle());
          try {
            writeAll(handle, bytes, handle.getSize());
            handle.flush();
          } finally {
            handle.close();
          }
        }),
      close: async () => undefined,
    };
  }

  async remove(path: string): Promise<void> {
    const whole = this.absolute(path);
    if (!(await this.isThere(whole))) return;
    if ((await this.files.entry(whole)).kind === "directory") throw systemError("EISDIR");
    const folder = await this.files.folder(resolvePath(whole, ".."));
    await asSystem(() => inTime(() => folder.removeEntry(whole.slice(whole.lastIndexOf("/") + 1))));
  }

  async makeFolder(path: string): Promise<string | undefined> {
    const whole = this.absolute(path);
    let at = "/";
    let first: string | undefined;
    for (const name of whole.split("/").filter((each) => each !== "")) {
      const folder = await this.files.folder(at);
      at = resolvePath(at, name);
      if (!(await this.isThere(at))) first ??= at;
      else if ((await this.files.entry(at)).kind === "file") throw systemError("ENOTDIR");
      await asSystem(() => folder.getDirectoryHandle(name, { create: true }));
    }
    return first;
  }

  async removeLeftOvers(folder: string): Promise<void> {
    await this.writer.removeLeftOvers(this.absolute(folder));
  }

  absolute(path: string): string {
    return resolvePath("/", path);
  }

  async identity(path: string): Promise<PathIdentity> {
    const whole = this.absolute(path);
    return { path: whole, keys: [whole] };
  }

  lock(path: string, options: Parameters<Storage["lock"]>[1]) {
    return takeLock(this.absolute(path), options);
  }

  private async isThere(path: string): Promise<boolean> {
    try {
      await this.files.entry(path);
      return true;
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
      throw error;
    }
  }
}

class OpfsFile implements OpenFile {
  readonly size: number;

  constructor(private readonly handle: AccessHandle) {
    this.size = handle.getSize();
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.readParts([into], position);
  }

  async readParts(parts: readonly Uint8Array[], position: number): Promise<number> {
    return asSystem(() => {
      let read = 0;
      for (const part of parts) read += this.handle.read(part, { at: position + read });
      return read;
    });
  }

  async close(): Promise<void> {
    this.handle.close();
  }
}
