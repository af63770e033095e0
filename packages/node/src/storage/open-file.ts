import type { BigIntStats, Stats } from "node:fs";
import { constants, type FileHandle, open, stat } from "node:fs/promises";
import { type EntryKind, notRegular, type OpenFile, readError } from "@lobule/data";

/** What the system says that a path names. */
export function kindOf(found: Stats | BigIntStats): EntryKind {
  if (found.isFile()) return "file";
  if (found.isDirectory()) return "folder";
  if (found.isFIFO()) return "pipe";
  if (found.isSocket()) return "socket";
  return found.isCharacterDevice() || found.isBlockDevice() ? "device" : "other";
}

/**
 * Opens a regular file for reading and never waits: not for the writer of a pipe, a device, or a socket.
 * @throws FileReadError where there is none, or it is something else.
 */
export async function openRegularFile(path: string): Promise<OpenFile> {
  let handle: FileHandle | undefined;
  try {
    // Looked at before it is opened, since that alone can start a device, and after, since it can be another one then.
    requireRegular(path, await stat(path));
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const found = await handle.stat();
    requireRegular(path, found);
    return new RegularFile(handle, found.size);
  } catch (error) {
    await handle?.close();
    throw readError(path, error);
  }
}

function requireRegular(path: string, found: Stats): void {
  const kind = kindOf(found);
  if (kind !== "file") throw notRegular(path, kind);
}

/** The system reads no more at a time. */
const mostAtOnce = 2 ** 30;

class RegularFile implements OpenFile {
  private closed: Promise<void> | undefined;

  constructor(
    private readonly handle: FileHandle,
    readonly size: number,
  ) {}

  async read(into: Uint8Array, position: number): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const length = Math.min(into.length - filled, mostAtOnce);
      const { bytesRead } = await this.handle.read(into, filled, length, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }

  async readParts(parts: readonly Uint8Array[], position: number): Promise<number> {
    return (await this.handle.readv(parts, position)).bytesRead;
  }

  close(): Promise<void> {
    this.closed ??= this.handle.close();
    return this.closed;
  }
}
