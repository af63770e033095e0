import { notRegular, readError } from "../files/read-file.js";
import { systemError } from "../files/system-error.js";
import { dirName, resolvePath } from "./paths.js";
import { portablePacking } from "./portable-packing.js";
import {
  type Entry,
  type GrowingFile,
  LockError,
  type LockOptions,
  type OpenFile,
  type PathIdentity,
  type Replacement,
  type Storage,
  type StorageLock,
} from "./storage.js";
import type { Workers } from "./workers.js";

interface MemoryFile {
  readonly bytes: Uint8Array;
  readonly stamp: string;
}

/** Files in memory, for tests and for what need not last. It has no links, no permissions and no workers. */
export class MemoryStorage implements Storage {
  readonly packing = portablePacking;
  readonly workers = noWorkers;
  readonly memory = undefined;
  private readonly files = new Map<string, MemoryFile>();
  private readonly folders = new Set(["/"]);
  private readonly locks = new Map<string, string>();
  private changes = 0;

  async stat(path: string): Promise<Entry> {
    const whole = this.absolute(path);
    const file = this.files.get(whole);
    if (file !== undefined) return { kind: "file", size: file.bytes.length, stamp: file.stamp };
    if (this.folders.has(whole)) return { kind: "folder", size: 0, stamp: "" };
    throw this.missing(whole);
  }

  async list(folder: string): Promise<string[]> {
    const whole = this.absolute(folder);
    if ((await this.stat(whole)).kind !== "folder") throw systemError("ENOTDIR");
    const all = [...this.files.keys(), ...this.folders].filter((path) => path !== "/" && dirName(path) === whole);
    return all.map((path) => path.slice(path.lastIndexOf("/") + 1));
  }

  async open(path: string): Promise<OpenFile> {
    const entry = await this.stat(path).catch((error: unknown) => {
      throw readError(path, error);
    });
    if (entry.kind !== "file") throw notRegular(path, entry.kind);
    return new OpenBytes(this.files.get(this.absolute(path))?.bytes ?? new Uint8Array());
  }

  async replace(path: string): Promise<Replacement> {
    const whole = this.absolute(path);
    this.requireFolder(dirName(whole));
    if (this.folders.has(whole)) throw systemError("EISDIR");
    const pieces: Uint8Array[] = [];
    return {
      write: async (bytes) => void pieces.push(bytes.slice()),
      commit: async () => {
        this.requireFolder(dirName(whole));
        this.put(whole, joined(pieces));
      },
      discard: async () => void pieces.splice(0),
    };
  }

  async append(path: string): Promise<GrowingFile> {
    const whole = this.absolute(path);
    this.requireFolder(dirName(whole));
    if (this.files.has(whole) || this.folders.has(whole)) throw systemError("EEXIST");
    this.put(whole, new Uint8Array());
    return {
      add: async (bytes) => this.put(whole, joined([this.files.get(whole)?.bytes ?? new Uint8Array(), bytes])),
      close: async () => undefined,
    };
  }

  async remove(path: string): Promise<void> {
    const whole = this.absolute(path);
    if (this.folders.has(whole)) throw systemError("EISDIR");
    this.files.delete(whole);
  }

  async makeFolder(path: string): Promise<string | undefined> {
    const whole = this.absolute(path);
    if (this.files.has(whole)) throw systemError("ENOTDIR");
    if (this.folders.has(whole)) return undefined;
    const first = await this.makeFolder(dirName(whole));
    this.folders.add(whole);
    return first ?? whole;
  }

  async removeLeftOvers(): Promise<void> {}

  absolute(path: string): string {
    return resolvePath("/", path);
  }

  async identity(path: string): Promise<PathIdentity> {
    const whole = this.absolute(path);
    return { path: whole, keys: [whole] };
  }

  async lock(path: string, { doing, unlock, signal }: LockOptions): Promise<StorageLock> {
    signal?.throwIfAborted();
    const whole = this.absolute(path);
    this.requireFolder(dirName(whole));
    const holder = this.locks.get(whole);
    if (holder !== undefined)
      throw new LockError(`something else in this program ${holder} now; wait for it, or if it is gone: ${unlock}`);
    this.locks.set(whole, doing);
    return {
      check: async () => undefined,
      release: async () => void this.locks.delete(whole),
    };
  }

  private put(path: string, bytes: Uint8Array): void {
    this.files.set(path, { bytes, stamp: String(++this.changes) });
  }

  private requireFolder(path: string): void {
    if (!this.folders.has(path)) throw this.missing(path);
  }

  /** ENOTDIR where a file is in the way, as systems have it. */
  private missing(path: string): Error {
    for (let at = path; at !== "/"; at = dirName(at)) if (this.files.has(at)) return systemError("ENOTDIR");
    return systemError("ENOENT");
  }
}

const noWorkers: Workers = {
  usual: 0,
  start: () => {
    throw new RangeError("this storage has no workers; decode with 0 of them");
  },
};

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

class OpenBytes implements OpenFile {
  readonly size: number;

  constructor(private readonly bytes: Uint8Array) {
    this.size = bytes.length;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    const found = this.bytes.subarray(position, position + into.length);
    into.set(found);
    return found.length;
  }

  async readParts(parts: readonly Uint8Array[], position: number): Promise<number> {
    let read = 0;
    for (const part of parts) read += await this.read(part, position + read);
    return read;
  }

  async close(): Promise<void> {}
}
