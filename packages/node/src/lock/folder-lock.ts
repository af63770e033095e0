import { createHash, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type LockOptions as CommonOptions, errorCode, LockError, reason, type StorageLock } from "@lobule/data";
import { z } from "zod";
import { PartialFile } from "../storage/partial-file.js";
import { isRunning, livenessOf, ownIdentity, processIdentitySchema } from "./process-identity.js";

const ownerSchema = z.object({
  format: z.literal("lobule-lock-1"),
  /** Of this lock alone. */
  token: z.string().regex(/^[0-9a-f]{32}$/),
  ...processIdentitySchema.shape,
});

/** A lock as it was found. */
interface FoundLock {
  readonly text: string;
  /** The lock's own, or for a file that is none one of its content and time. */
  readonly token: string;
  readonly owner: { readonly pid: number; readonly host: string } | undefined;
  /** Whether its process runs, as far as can be told from here. */
  readonly liveness: "running" | "gone" | "unknown";
  /** The last sign of life, in milliseconds of the file system's clock. */
  readonly beat: number;
  /** Whether a version wrote it that gave no sign of life. */
  readonly earlier: boolean;
}

/** Milliseconds. */
export interface LockTimes {
  /** Between two signs of life. */
  readonly beat: number;
  /** Without a sign of life after which a process that cannot be looked at counts as gone. */
  readonly stale: number;
}

const usualTimes: LockTimes = { beat: 10_000, stale: 60_000 };

/** How a folder is locked. */
export interface LockOptions extends CommonOptions {
  readonly times?: LockTimes;
}

/**
 * A file that keeps a second process from work on a folder. It names its process by number, start, boot, container and
 * host, and is written anew as a sign of life, since from another machine or container nothing else can be seen of it.
 *
 * It is made whole by linking a file that was written before. One whose process is gone is replaced, and only by who
 * holds a second lock that is named by the first one's token: of several processes that find it, one does so, and one
 * that comes late finds another token.
 */
export class FolderLock implements StorageLock {
  private lost = false;
  private readonly heart: NodeJS.Timeout;

  private constructor(
    private readonly path: string,
    private readonly text: string,
    private readonly file: FileHandle,
    beat: number,
    private readonly options: LockOptions,
  ) {
    this.heart = setInterval(() => this.beat(), beat).unref();
  }

  /** @throws LockError when another process holds it or the folder cannot be written; the signal's reason. */
  static async take(path: string, options: LockOptions): Promise<FolderLock> {
    const text = lockText();
    try {
      await acquire(path, text, options, "refuse");
      const times = options.times ?? usualTimes;
      await removeLeftOvers(path, text, times);
      return new FolderLock(path, text, await open(path, "r+"), times.beat, options);
    } catch (error) {
      if (error instanceof LockError || options.signal?.aborted === true) throw error;
      throw new LockError(`cannot lock ${dirname(path)}: ${reason(error)}`, { cause: error });
    }
  }

  /** @throws LockError when another process has taken it over; nothing may be written then. */
  async check(): Promise<void> {
    const found = await look(this.path);
    if (found?.text === this.text) return;
    const what = found === undefined ? "was removed" : `is ${named(found)}'s by now`;
    throw new LockError(`${this.path} ${what}, so this process, which ${this.options.doing}, ends without saving`);
  }

  /** Removes it, if it is still this one. */
  async release(): Promise<void> {
    clearInterval(this.heart);
    await this.file.close();
    if ((await look(this.path))?.text === this.text) await rm(this.path, { force: true });
  }

  private async beat(): Promise<void> {
    try {
      await this.check();
      // The same bytes: a reader sees them whole at any time, and the time is the file system's.
      await this.file.write(this.text, 0);
    } catch (error) {
      // After a full disk or a file server that was away the next one may succeed.
      if (!(error instanceof LockError) || this.lost) return;
      this.lost = true;
      clearInterval(this.heart);
      this.options.onLost?.();
    }
  }
}

/**
 * Removes a lock whose process is gone; with `force` any.
 * @returns whose it was; undefined where there was none.
 * @throws LockError when its process runs, or was heard of so lately that it may.
 */
export async function removeLock(
  path: string,
  options: LockOptions & { readonly force: boolean },
): Promise<string | undefined> {
  try {
    for (;;) {
      const found = await look(path);
      if (found === undefined) return undefined;
      const now = await fileSystemTime(path);
      if (!options.force && !isStale(found, now, options.times ?? usualTimes)) {
        throw new LockError(
          `${named(found)} ${options.doing} now${lastHeard(found, now)}; stop it, or if it is gone for certain: ${options.unlock}`,
        );
      }
      if (await replace(path, found, undefined, options)) return named(found);
    }
  } catch (error) {
    if (error instanceof LockError) throw error;
    throw new LockError(`cannot remove ${path}: ${reason(error)}`, { cause: error });
  }
}

/** Waits for a lock to be released, at most so many milliseconds. */
export async function waitUntilFree(path: string, milliseconds: number, signal: AbortSignal): Promise<void> {
  const end = performance.now() + milliseconds;
  while (performance.now() < end && (await look(path))?.liveness === "running") await sleep(200, undefined, { signal });
}

const lockText = (): string =>
  `${JSON.stringify({ format: "lobule-lock-1", token: randomBytes(16).toString("hex"), ...ownIdentity() })}\n`;

/** Makes the lock this process's. @param held what to do where another process has it. */
async function acquire(path: string, text: string, options: LockOptions, held: "refuse" | "wait"): Promise<void> {
  const times = options.times ?? usualTimes;
  let first: { readonly token: string; readonly beat: number; readonly at: number } | undefined;
  for (;;) {
    options.signal?.throwIfAborted();
    const { made, now } = await makeWhole(path, text);
    if (made) return;
    const found = await look(path);
    if (found === undefined) continue;
    const { token, beat, liveness } = found;
    const isNew = token !== first?.token;
    if (first === undefined || isNew) first = { token, beat, at: performance.now() };
    const beats = beat !== first.beat;
    // A clock can be set back, so what is seen to give no sign of life for so long counts as gone too.
    const silent = !beats && performance.now() - first.at > times.stale;
    if (isStale(found, now, times) || (liveness === "unknown" && silent)) {
      if (await replace(path, found, text, options)) return;
      continue;
    }
    if (held === "refuse") {
      if (liveness === "running" || beats) throw heldBy(found, options);
      if (isNew) options.note?.(waiting(found, options, times));
    }
    await sleep(liveness === "running" ? 5 : times.beat / 10, undefined, { signal: options.signal });
  }
}

const heldBy = (found: FoundLock, { doing, unlock }: LockOptions): LockError =>
  new LockError(
    `${named(found)} ${doing} now; wait for it or stop it${found.liveness === "running" && !found.earlier ? "" : `, and if it is gone: ${unlock}`}`,
  );

const waiting = (found: FoundLock, { doing }: LockOptions, { stale }: LockTimes): string =>
  `note: ${named(found)} ${doing}, or did until lately; waiting up to ${Math.ceil(stale / 1000)} s for a sign of life`;

const isStale = ({ liveness, beat }: FoundLock, now: number, { stale }: LockTimes): boolean =>
  liveness === "gone" || (liveness === "unknown" && now - beat > stale);

/**
 * Puts `text` in the place of a lock, or nothing; false where it is another lock by now. Every removal of a lock by
 * another process than its own goes through here.
 */
async function replace(
  path: string,
  { token }: FoundLock,
  text: string | undefined,
  options: LockOptions,
): Promise<boolean> {
  const succession = successionOf(path, token);
  await acquire(succession, lockText(), options, "wait");
  try {
    if ((await look(path))?.token !== token) return false;
    if (text === undefined) await rm(path, { force: true });
    else await (await draft(path, text)).file.commit();
    return true;
  } finally {
    await rm(succession, { force: true });
  }
}

/** Codes by which file systems say that they have no hard links. */
const linkUnsupported = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EXDEV"]);

/** Makes a file with this text where there is none. `now` is the file system's time. */
async function makeWhole(path: string, text: string): Promise<{ readonly made: boolean; readonly now: number }> {
  const { file, now } = await draft(path, text);
  try {
    await file.link();
    return { made: true, now };
  } catch (error) {
    if (linkUnsupported.has(errorCode(error) ?? "")) return { made: await makeInPlace(path, text), now };
    if (errorCode(error) !== "EEXIST") throw error;
    // A file server's answer can be lost, and the link be there.
    return { made: (await look(path))?.text === text, now };
  } finally {
    await file.discard();
  }
}

/** Where there are no hard links: exclusive as well, but empty for a moment, in which it is nobody's that is known. */
async function makeInPlace(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, "wx");
    await file.writeFile(text).finally(() => file.close());
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** A file that is to become the lock, and the file system's time. */
async function draft(path: string, text: string): Promise<{ readonly file: PartialFile; readonly now: number }> {
  const file = await PartialFile.create(path);
  try {
    await file.handle.writeFile(text);
    return { file, now: (await file.handle.stat()).mtimeMs };
  } catch (error) {
    await file.discard();
    throw error;
  }
}

async function fileSystemTime(path: string): Promise<number> {
  const { file, now } = await draft(path, "");
  await file.discard();
  return now;
}

/** No lock is longer. */
const longest = 2048;

/** The lock at a path; undefined where there is none. */
async function look(path: string): Promise<FoundLock | undefined> {
  let file: FileHandle;
  try {
    // A pipe in the lock's place would never answer otherwise.
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(longest), 0, longest, 0);
    const text = buffer.toString("utf8", 0, bytesRead);
    const { mtimeMs: beat, ino } = await file.stat();
    const own = parsed(text);
    if (own !== undefined)
      return { text, beat, token: own.token, owner: own, liveness: livenessOf(own), earlier: false };
    const token = createHash("sha256").update(`${ino} ${beat} ${text}`).digest("hex").slice(0, 32);
    return { text, beat, token, ...earlierFormat(text) };
  } finally {
    await file.close();
  }
}

function parsed(text: string): z.output<typeof ownerSchema> | undefined {
  try {
    return ownerSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Version 0.1 wrote the process's number and host, and gave no sign of life. */
function earlierFormat(text: string): Pick<FoundLock, "owner" | "liveness" | "earlier"> {
  const [, number, host] = /^(\d{1,10}) (\S{1,255})\n$/.exec(text) ?? [];
  if (number === undefined || host === undefined) return { owner: undefined, liveness: "unknown", earlier: false };
  const pid = Number(number);
  const gone = host === hostname() && (pid === process.pid || !isRunning(pid));
  return { owner: { pid, host }, liveness: gone ? "gone" : "running", earlier: true };
}

/** Whose a lock is, in words. */
function named({ owner }: FoundLock): string {
  if (owner === undefined) return "a process that its lock does not name";
  return `process ${owner.pid}${owner.host === hostname() ? "" : ` on ${owner.host}`}`;
}

const lastHeard = ({ liveness, beat }: FoundLock, now: number): string =>
  liveness === "running" ? "" : ` (last sign of life ${Math.max(0, Math.round((now - beat) / 1000))} s ago)`;

/** Removes the second locks that killed processes left beside the lock of this text. */
async function removeLeftOvers(path: string, text: string, times: LockTimes): Promise<void> {
  const own = basename(successionOf(path, parsed(text)?.token ?? ""));
  const now = await fileSystemTime(path);
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(basename(successionOf(path, ""))) || name === own) continue;
    const file = join(dirname(path), name);
    const found = await look(file).catch(() => undefined);
    if (found !== undefined && isStale(found, now, times)) await rm(file, { force: true });
  }
}

/** What who replaces or removes a lock must hold. */
const successionOf = (path: string, token: string): string => join(dirname(path), `.${basename(path)}-after-${token}`);
