import { dirName, joinPath, type Replacement, systemError } from "@lobule/data";
import { type AccessHandle, asSystem, inTime, type Opfs } from "./opfs.js";

/** The writer, and what tells its files from each other. */
const partialName = /^\.lobule-([0-9a-f-]{36})-[0-9a-f-]{36}\.partial$/;

/** The name of the lock that a writer holds as long as it lives. */
const lockOf = (writer: string): string => `lobule writer ${writer}`;

/**
 * Who writes files in this thread. It holds a lock that the browser takes from it when its tab or worker ends: so others
 * know which files nobody will finish.
 */
export class Writer {
  private readonly cleared = new Set<string>();

  private constructor(
    private readonly files: Opfs,
    private readonly id: string,
  ) {}

  /** @param id a UUID, which no other writer has. */
  static async begin(files: Opfs, id: string): Promise<Writer> {
    const writer = new Writer(files, id);
    await new Promise<void>((held, failed) => {
      const forEver = (): Promise<never> => {
        held();
        return new Promise<never>(() => undefined);
      };
      navigator.locks.request(lockOf(writer.id), forEver).catch(failed);
    });
    return writer;
  }

  /** Begins a file under another name in the folder of its own. @throws EISDIR where the path is a folder. */
  async replace(path: string): Promise<Replacement> {
    const folder = dirName(path);
    if (!this.cleared.has(folder)) {
      this.cleared.add(folder);
      await this.removeLeftOvers(folder);
    }
    if ((await this.kindAt(path)) === "directory") throw systemError("EISDIR");
    const temporary = joinPath(folder, `.lobule-${this.id}-${crypto.randomUUID()}.partial`);
    const file = await this.files.file(temporary, true);
    return new OpfsReplacement(this.files, path, temporary, await asSystem(() => file.createSyncAccessHandle()));
  }

  /**
   * Removes the files of a folder that writers began which are gone. It never throws.
   * @param ended writers that are known to be gone; the browser may take a moment to see it.
   */
  async removeLeftOvers(folder: string, ended: ReadonlySet<string> = new Set()): Promise<void> {
    try {
      const { held = [] } = await navigator.locks.query();
      const living = new Set(held.map(({ name }) => name));
      await this.removePartials(folder, (writer) => ended.has(writer) || !living.has(lockOf(writer)));
    } catch {}
  }

  private async removePartials(folder: string, isGone: (writer: string) => boolean): Promise<void> {
    const handle = await this.files.folder(folder);
    const names: string[] = [];
    for await (const name of handle.keys()) names.push(name);
    for (const name of names) {
      const [, writer] = partialName.exec(name) ?? [];
      // Another worker may have been quicker.
      if (writer !== undefined && isGone(writer)) await inTime(() => handle.removeEntry(name)).catch(() => undefined);
    }
  }

  private async kindAt(path: string): Promise<FileSystemHandleKind | undefined> {
    try {
      return (await this.files.entry(path)).kind;
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  }
}

class OpfsReplacement implements Replacement {
  private position = 0;
  private open = true;
  private committed = false;

  constructor(
    private readonly files: Opfs,
    private readonly path: string,
    private readonly temporary: string,
    private readonly handle: AccessHandle,
  ) {}

  async write(bytes: Uint8Array): Promise<void> {
    await asSystem(() => {
      this.position += writeAll(this.handle, bytes, this.position);
    });
  }

  async commit(): Promise<void> {
    await asSystem(async () => {
      await this.makeNewer();
      this.close();
      const file = await this.files.file(this.temporary);
      await inTime(() => file.move(this.path.slice(this.path.lastIndexOf("/") + 1)));
    });
    this.committed = true;
  }

  async discard(): Promise<void> {
    if (this.committed) return;
    try {
      this.close();
      const folder = await this.files.folder(dirName(this.path));
      await folder.removeEntry(this.temporary.slice(this.temporary.lastIndexOf("/") + 1));
    } catch {}
  }

  /** A file's time counts milliseconds; it must differ from that of the file which it replaces. */
  private async makeNewer(): Promise<void> {
    const timeOf = async (path: string): Promise<number> =>
      (await (await this.files.file(path)).getFile()).lastModified;
    const before = await timeOf(this.path).catch(() => undefined);
    this.handle.flush();
    while ((await timeOf(this.temporary)) === before) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      // A byte more and cut off again: an empty file has none to write anew.
      this.handle.write(Uint8Array.of(0), { at: this.position });
      this.handle.truncate(this.position);
      this.handle.flush();
    }
  }

  private close(): void {
    if (!this.open) return;
    this.open = false;
    this.handle.close();
  }
}

/** Writes bytes at a position. @returns how many. */
export function writeAll(handle: AccessHandle, bytes: Uint8Array, position: number): number {
  let written = 0;
  while (written < bytes.length) {
    const count = handle.write(bytes.subarray(written), { at: position + written });
    if (count === 0) throw systemError("ENOSPC");
    written += count;
  }
  return written;
}
