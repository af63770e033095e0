import type { FileHandle } from "node:fs/promises";
import { DataError } from "../data-error.js";
import { openRegularFile } from "../files/read-file.js";
import { errorCode, reason } from "../files/system-error.js";
import { cutOff, isGzip, type Trailing, unpackedMembers } from "./gzip-members.js";

/** No deflate stream grows by more than this. Source: zlib.net/zlib_tech.html, "Maximum Compression Factor". */
const largestDeflateRatio = 1032;

/** The content of a file from its beginning, unpacked if it is gzip by its first bytes, whatever its name. */
export class ByteSource {
  readonly #path: string;
  readonly #handle: FileHandle;
  /** What comes out of a gzip file; one that is not packed is read straight into the target. */
  readonly #unpacked: AsyncGenerator<Uint8Array, void> | undefined;
  readonly #trailing: Trailing = { bytes: 0 };
  #rest: Uint8Array = new Uint8Array(0);
  /** Bytes given or skipped so far. */
  position = 0;
  /** More bytes than this cannot come. */
  readonly mostBytes: number;

  private constructor(path: string, handle: FileHandle, size: number, compressed: boolean) {
    this.#path = path;
    this.#handle = handle;
    this.mostBytes = compressed ? size * largestDeflateRatio : size;
    if (compressed) this.#unpacked = unpackedMembers(path, handle, size, this.#trailing);
  }

  /** Throws DataError if there is no such file, it is no file, cannot be opened, or is empty. */
  static async open(path: string): Promise<ByteSource> {
    const { handle, size } = await openRegularFile(path);
    try {
      if (size === 0) throw new DataError(`${path} is empty, not a NIfTI file; copy or download it again`);
      const magic = new Uint8Array(2);
      await handle.read(magic, 0, 2, 0);
      return new ByteSource(path, handle, size, isGzip(magic));
    } catch (error) {
      await handle.close();
      if (error instanceof DataError) throw error;
      throw new DataError(`${path} cannot be read: ${reason(error)}; check the disk it is on`);
    }
  }

  /** Bytes behind the gzip data that are none, and were passed over; known once the end has been reached. */
  get trailingBytes(): number {
    return this.#trailing.bytes;
  }

  /** Fills `target` and returns its length, or what was left if the content ends before. */
  async read(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      const found = await this.#readSome(target.subarray(filled));
      if (found === 0) break;
      filled += found;
      this.position += found;
    }
    return filled;
  }

  /** Passes over bytes and returns how many there were, at most `count`. */
  async skip(count: number): Promise<number> {
    if (this.#unpacked === undefined) {
      const skipped = Math.max(0, Math.min(count, this.mostBytes - this.position));
      this.position += skipped;
      return skipped;
    }
    let skipped = 0;
    while (skipped < count) {
      const chunk = await this.#next(this.#unpacked);
      if (chunk.length === 0) break;
      const taken = Math.min(chunk.length, count - skipped);
      this.#rest = chunk.subarray(taken);
      skipped += taken;
    }
    this.position += skipped;
    return skipped;
  }

  /** Stops reading. May be called twice. */
  async close(): Promise<void> {
    await this.#unpacked?.return();
    await this.#handle.close().catch((error: unknown) => {
      if (errorCode(error) !== "EBADF") throw error;
    });
  }

  /** Some of the next bytes, none at the end. */
  async #readSome(target: Uint8Array): Promise<number> {
    if (this.#unpacked === undefined) {
      try {
        return (await this.#handle.read(target, 0, target.length, this.position)).bytesRead;
      } catch (error) {
        throw this.#unreadable(error);
      }
    }
    const chunk = await this.#next(this.#unpacked);
    const taken = Math.min(chunk.length, target.length);
    target.set(chunk.subarray(0, taken));
    this.#rest = chunk.subarray(taken);
    return taken;
  }

  /** The next bytes as they come, empty at the end. */
  async #next(chunks: AsyncGenerator<Uint8Array, void>): Promise<Uint8Array> {
    if (this.#rest.length > 0) return this.#rest;
    try {
      const next = await chunks.next();
      return next.done === true ? new Uint8Array(0) : next.value;
    } catch (error) {
      if (error instanceof DataError) throw error;
      const code = errorCode(error);
      if (code === "Z_BUF_ERROR") throw cutOff(this.#path);
      if (typeof code === "string" && code.startsWith("Z_"))
        throw new DataError(`${this.#path} holds damaged gzip data (${reason(error)}); copy or download it again`);
      throw this.#unreadable(error);
    }
  }

  #unreadable(error: unknown): DataError {
    return new DataError(`${this.#path} cannot be read: ${reason(error)}; check the disk it is on`);
  }
}
