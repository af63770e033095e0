import type { FileHandle } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { DataError } from "../data-error.js";
import { openRegularFile } from "../files/read-file.js";
import { errorCode, reason } from "../files/system-error.js";

const chunkBytes = 1 << 18;
/** No deflate stream grows by more than this. Source: zlib.net/zlib_tech.html, "Maximum Compression Factor". */
const largestDeflateRatio = 1032;

async function* chunksOf(handle: FileHandle): AsyncGenerator<Uint8Array, void> {
  for (let position = 0; ; ) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

interface Unpacked {
  readonly chunks: AsyncIterator<Uint8Array, unknown>;
  readonly end: () => Promise<void>;
}

function unpack(handle: FileHandle): Unpacked {
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  // Its failures arrive through the iterator below.
  const ended = pipeline(chunksOf(handle), gunzip).catch(() => undefined);
  const end = async (): Promise<void> => {
    gunzip.destroy();
    await ended;
  };
  return { chunks: gunzip[Symbol.asyncIterator](), end };
}

/** The content of a file from its beginning, unpacked if it is gzip by its first bytes, whatever its name. */
export class ByteSource {
  readonly #path: string;
  readonly #handle: FileHandle;
  /** What comes out of a gzip file; one that is not packed is read straight into the target. */
  readonly #unpacked: Unpacked | undefined;
  #rest: Uint8Array = new Uint8Array(0);
  /** Bytes given or skipped so far. */
  position = 0;
  /** More bytes than this cannot come. */
  readonly mostBytes: number;

  private constructor(path: string, handle: FileHandle, size: number, compressed: boolean) {
    this.#path = path;
    this.#handle = handle;
    this.mostBytes = compressed ? size * largestDeflateRatio : size;
    if (compressed) this.#unpacked = unpack(handle);
  }

  /** Throws DataError if there is no such file, it is no file, cannot be opened, or is empty. */
  static async open(path: string): Promise<ByteSource> {
    const { handle, size } = await openRegularFile(path);
    try {
      if (size === 0) throw new DataError(`${path} is empty, not a NIfTI file; copy or download it again`);
      const magic = new Uint8Array(2);
      await handle.read(magic, 0, 2, 0);
      return new ByteSource(path, handle, size, magic[0] === 0x1f && magic[1] === 0x8b);
    } catch (error) {
      await handle.close();
      if (error instanceof DataError) throw error;
      throw new DataError(`${path} cannot be read: ${reason(error)}; check the disk it is on`);
    }
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
    await this.#unpacked?.end();
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
  async #next({ chunks }: Unpacked): Promise<Uint8Array> {
    if (this.#rest.length > 0) return this.#rest;
    try {
      const next = await chunks.next();
      return next.done === true ? new Uint8Array(0) : next.value;
    } catch (error) {
      const code = errorCode(error);
      if (code === "Z_BUF_ERROR")
        throw new DataError(`${this.#path} is cut off in the middle of its gzip data; copy or download it again`);
      if (typeof code === "string" && code.startsWith("Z_"))
        throw new DataError(`${this.#path} holds damaged gzip data (${reason(error)}); copy or download it again`);
      throw this.#unreadable(error);
    }
  }

  #unreadable(error: unknown): DataError {
    return new DataError(`${this.#path} cannot be read: ${reason(error)}; check the disk it is on`);
  }
}
