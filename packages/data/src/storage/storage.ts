import type { Packing } from "./packing.js";
import type { Workers } from "./workers.js";

/**
 * Files, and what else of the machine the packages `data`, `train` and `report` need: they use nothing but this, so that
 * they run in Node (`nodeStorage` of @lobule/node), in a browser (`openStorage` of @lobule/web) and in memory
 * (`MemoryStorage`).
 *
 * **Every function that touches a file takes the storage as its first parameter**, named `storage`; a class takes it first
 * in its constructor or in what makes it. Nothing keeps one in a module.
 *
 * Paths are names joined by "/"; see paths.ts. A relative one counts from the storage's own folder: in Node the
 * process's, elsewhere "/".
 *
 * Every promise rejects with the system's error, or one like it: an Error with a `code` such as "ENOENT", "EACCES" or
 * "ENOSPC", which `reason` and `errorCode` read. What a method throws besides is said there.
 */
export interface Storage {
  /** What a path names, symbolic links followed. */
  stat(path: string): Promise<Entry>;
  /** Names of what is in a folder, in no certain order. */
  list(folder: string): Promise<string[]>;
  /**
   * Opens a regular file for reading, and never waits: not for the writer of a pipe, a device or a socket.
   * @throws FileReadError where there is none, it is something else, or it cannot be read.
   */
  open(path: string): Promise<OpenFile>;
  /**
   * Begins a file that is given its name, in the place of what has it, when it is whole. One that is there gives the new
   * file its permissions; a symbolic link is replaced itself and what it names stays as it is. What killed writers left
   * in the folder is removed.
   * @throws EISDIR or EINVAL where the path is a folder, a device or a pipe.
   */
  replace(path: string, options?: ReplaceOptions): Promise<Replacement>;
  /** Makes a file that grows, such as a log. @throws EEXIST where something has the name. */
  append(path: string): Promise<GrowingFile>;
  /** Removes a file, or does nothing where there is none. */
  remove(path: string): Promise<void>;
  /**
   * Makes a folder and those that hold it; one that is there is left as it is.
   * @returns the uppermost of those that were made; undefined where all were there.
   * @throws ENOTDIR where something else has its name.
   */
  makeFolder(path: string, options?: { readonly private?: boolean }): Promise<string | undefined>;
  /** Removes what killed writers left in a folder; it never throws. */
  removeLeftOvers(folder: string): Promise<void>;
  /** The whole path, without "." and "..". */
  absolute(path: string): string;
  /** What a path names, however it is spelled. What is not there has an identity too: that of its folder, and its name. */
  identity(path: string): Promise<PathIdentity>;
  /**
   * Keeps every other process, tab and machine that shares the storage from work on a folder.
   * @param path of the lock, such as `run.lock` in the folder.
   * @throws LockError where another has it, which is told how to get rid of it; the signal's reason.
   */
  lock(path: string, options: LockOptions): Promise<StorageLock>;
  readonly packing: Packing;
  readonly workers: Workers;
  /** Bytes of memory that there are at most; undefined where the runtime does not tell. */
  readonly memory: number | undefined;
}

/** What a name in a folder stands for; only files and folders are read. */
export type EntryKind = "file" | "folder" | "pipe" | "socket" | "device" | "other";

/** What a storage knows of a name in a folder. */
export interface Entry {
  readonly kind: EntryKind;
  /** Bytes of a file. */
  readonly size: number;
  /** Changes whenever the file is written or replaced: of inode, size and times in Node. */
  readonly stamp: string;
}

/** A regular file, open for reading. */
export interface OpenFile {
  /** Bytes when it was opened. No more are to be read: what the system calls empty may have no end. */
  readonly size: number;
  /**
   * Fills `into` with the bytes from `position` on.
   * @returns how many there were: fewer than `into` has only at the end of the file.
   */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Fills the parts with bytes that follow each other; otherwise as `read`. */
  readParts(parts: readonly Uint8Array[], position: number): Promise<number>;
  /** May be called twice. */
  close(): Promise<void>;
}

/** How a file is replaced. */
export interface ReplaceOptions {
  /** Whether nobody but its owner may read the file, whatever it was before. */
  readonly private?: boolean;
}

/** A file in the making, under another name in the folder of its own. What has its name until then is untouched. */
export interface Replacement {
  /** Adds bytes, which may change once the promise is fulfilled. */
  write(bytes: Uint8Array): Promise<void>;
  /** Gives the file its name, so that it and its name last also after a power cut. */
  commit(): Promise<void>;
  /** Removes what was written; does nothing after `commit`. It never throws: the failure that led here is to be told. */
  discard(): Promise<void>;
}

/** A file that only grows. A kill can tear what was added last. */
export interface GrowingFile {
  /** Adds bytes at the end. */
  add(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** What a path names, however it is spelled. */
export interface PathIdentity {
  /** The path without symbolic links, "." and "..". */
  readonly path: string;
  /** Two paths name the same thing if they share one of these. */
  readonly keys: readonly string[];
}

/** What a lock tells others, and how it is waited for. */
export interface LockOptions {
  /** What the holder does, such as "trains runs/a". */
  readonly doing: string;
  /** The command that removes the lock. */
  readonly unlock: string;
  readonly signal?: AbortSignal;
  /** Is told when a sign of life of another holder is waited for. */
  readonly note?: (line: string) => void;
  /** Is called once when the lock was lost. */
  readonly onLost?: () => void;
}

/** A lock on a folder that is held. */
export interface StorageLock {
  /** @throws LockError when it was lost; nothing may be written then. */
  check(): Promise<void>;
  release(): Promise<void>;
}

/** A lock that cannot be taken or was lost; one sentence says whose it is and what to do. */
export class LockError extends Error {
  override readonly name = "LockError";
}
