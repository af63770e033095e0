import { createHash, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, lstat, open, readdir, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { threadId } from "node:worker_threads";
import { errorCode, type Replacement, type ReplaceOptions } from "@lobule/data";

/** Machines that share a folder know by it whose process a number stands for. */
const host = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
/** The host, the process, its thread, and what nobody can guess. */
const partialName = /^\.lobule-([0-9a-f]{8})-(\d+)-(\d+)-[0-9a-f]{24}\.partial$/;

/** After so many milliseconds without a write a file is nobody's, whoever wrote it. */
const oldest = 24 * 60 * 60 * 1000;
/** Milliseconds by which a file server's clock may be behind. */
const clockTolerance = 60_000;

/** After so many bytes the disk is given work, so that the end need not wait for all of it. */
const bytesAtOnce = 1 << 23;

/** `O_EXCL` and `O_NOFOLLOW`: never a file that is there, nor what a symbolic link names. Windows has no O_NOFOLLOW. */
const exclusive = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/**
 * A file in the making: written under a random name in the folder of its path, and given its name when it is whole.
 * What the path held until then is untouched.
 */
export class PartialFile implements Replacement {
  private written = 0;
  private given = 0;
  private onDisk: Promise<void> = Promise.resolve();

  private constructor(
    readonly path: string,
    private readonly temporary: string,
    readonly handle: FileHandle,
  ) {}

  /**
   * Begins a file. One that is there gives the new file its permissions; a symbolic link does not, since it is replaced
   * itself and what it names stays as it is. What killed processes left in the folder is removed.
   * @param options.private permissions for its owner alone in place of those.
   * @throws Error of the system, or EISDIR or EINVAL, where the path is a folder, a device or a pipe.
   */
  static async create(path: string, options: ReplaceOptions = {}): Promise<PartialFile> {
    const folder = dirname(path);
    await requireReplaceable(path);
    await removeLeftOversOnce(folder);
    const name = `.lobule-${host}-${process.pid}-${threadId}-${randomBytes(12).toString("hex")}.partial`;
    const temporary = join(folder, name);
    const file = new PartialFile(
      path,
      temporary,
      await open(temporary, exclusive, options.private === true ? 0o600 : 0o666),
    );
    try {
      if (options.private !== true) await file.keepRights();
      return file;
    } catch (error) {
      await file.discard();
      throw error;
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.handle.writeFile(bytes);
    this.written += bytes.length;
    if (this.written < this.given + bytesAtOnce) return;
    this.given = this.written;
    this.onDisk = this.onDisk.then(() => this.handle.datasync());
    // Thrown by `commit`; until then a failure must not count as unhandled.
    this.onDisk.catch(() => undefined);
  }

  /** Gives the file its name, so that it lasts: fsync, rename, fsync of the folder. @throws Error of the system. */
  async commit(): Promise<void> {
    try {
      await this.onDisk;
      await this.handle.sync();
    } finally {
      await this.handle.close();
    }
    await rename(this.temporary, this.path);
    await syncFolder(dirname(this.path));
  }

  /**
   * Gives the file its name where nothing has it, without waiting for the disk. It keeps its temporary name besides, so
   * {@link discard} it afterwards in any case.
   * @throws Error of the system: EEXIST where something has the name, EPERM and others where there are no hard links.
   */
  async link(): Promise<void> {
    await link(this.temporary, this.path);
  }

  /** Removes what was written. It never throws: the failure that led here is the one to report. */
  async discard(): Promise<void> {
    await this.onDisk.catch(() => undefined);
    await this.handle.close().catch(() => undefined);
    await rm(this.temporary, { force: true }).catch(() => undefined);
  }

  /** Owner, group and permissions of the file that is replaced. A group that cannot be kept gets no rights. */
  private async keepRights(): Promise<void> {
    const old = await lstat(this.path).catch(() => undefined);
    if (old === undefined || !old.isFile()) return;
    const own = await this.handle.stat();
    const change = (uid: number, gid: number): Promise<boolean> =>
      this.handle.chown(uid, gid).then(
        () => true,
        () => false,
      );
    const sameGroup =
      (own.uid === old.uid && own.gid === old.gid) ||
      (await change(old.uid, old.gid)) ||
      own.gid === old.gid ||
      (await change(own.uid, old.gid));
    await this.handle.chmod(old.mode & (sameGroup ? 0o777 : 0o707));
  }
}

/** Renaming would put a file in the place of /dev/null. */
async function requireReplaceable(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || found.isFile()) return;
  const [code, message] = found.isDirectory()
    ? ["EISDIR", "it is a folder"]
    : ["EINVAL", "it is a device or a pipe, not a file"];
  throw Object.assign(new Error(message), { code });
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

const cleared = new Map<string, Promise<void>>();

/** A folder is looked through before the first file that this thread writes into it. */
function removeLeftOversOnce(folder: string): Promise<void> {
  const key = resolve(folder);
  const begun = cleared.get(key) ?? removeLeftOvers(key);
  cleared.set(key, begun);
  return begun;
}

/** Removes the files of a folder that processes began and will not finish: they are gone, or wrote a day ago. */
export async function removeLeftOvers(folder: string): Promise<void> {
  await removePartials(folder, async (file, owner) => {
    const { mtimeMs } = await lstat(file);
    if (Date.now() - mtimeMs > oldest) return true;
    if (owner.host !== host) return false;
    if (owner.process !== process.pid) return !isRunning(owner.process);
    // In a container that starts again the process has the number of the one before.
    return mtimeMs + clockTolerance < Date.now() - 1000 * process.uptime();
  });
}

/** Removes what threads of this process have begun in a folder; they must have ended. */
export async function removePartialsOfThreads(folder: string, threads: ReadonlySet<number>): Promise<void> {
  await removePartials(
    folder,
    async (_, owner) => owner.host === host && owner.process === process.pid && threads.has(owner.thread),
  );
}

interface Owner {
  readonly host: string;
  readonly process: number;
  readonly thread: number;
}

/** A file that cannot be removed, or that another process was quicker to remove, stays out of the way of the work. */
async function removePartials(folder: string, which: (file: string, owner: Owner) => Promise<boolean>): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const [, machine, pid, thread] = partialName.exec(name) ?? [];
    if (machine === undefined) continue;
    const file = join(folder, name);
    try {
      if (await which(file, { host: machine, process: Number(pid), thread: Number(thread) })) await rm(file);
    } catch {}
  }
}

/** Whether this machine has such a process, be it somebody else's. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}
