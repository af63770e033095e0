import { DataError } from "../data-error.js";
import { reason } from "../files/system-error.js";
import { PackedDataError } from "../storage/packing.js";
import type { OpenFile, Storage } from "../storage/storage.js";
import { cutOff, isGzip, type Trailing, unpackedMembers } from "./gzip-members.js";

/** No deflate stream grows by more than this. Source: zlib.net/zlib_tech.html, "Maximum Compression Factor". */
const largestDeflateRatio = 1032;

/** The content of a file from its beginning, unpacked if it is gzip by its first bytes, whatever its name. */
export class ByteSource {
  readonly #path: string;
  readonly #file: OpenFile;
  /** What comes out of a gzip file; one that is not packed is read straight into the target. */
  readonly #unpacked: AsyncGenerator<Uint8Array, void> | undefined;
  readonly #trailing: Trailing = { bytes: 0 };
  #rest: Uint8Array = new Uint8Array(0);
  /** Bytes given or skipped so far. */
  position = 0;
  /** More bytes than this cannot come. */
  readonly mostBytes: number;

  private constructor({ packing }: Storage, path: string, file: OpenFile, compressed: boolean) {
    this.#path = path;
    this.#file = file;
    this.mostBytes = compressed ? file.size * largestDeflateRatio : file.size;
    if (compressed) this.#unpacked = unpackedMembers(packing, path, file, this.#trailing);
  }

  /** Throws DataError if there is no such file, it is no file, cannot be opened, or is empty. */
  static async open(storage: Storage, path: string): Promise<ByteSource> {
    const file = await storage.open(path);
    try {
      if (file.size === 0) throw new DataError(`${path} is empty, not a NIfTI file; copy or download it again`);
      const magic = new Uint8Array(2);
      await file.read(magic, 0);
      return new ByteSource(storage, path, file, isGzip(magic));
    } catch (error) {
      await file.close();
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
    await this.#file.close();
  }

  /** Some of the next bytes, none at the end. */
  async #readSome(target: Uint8Array): Promise<number> {
    if (this.#unpacked === undefined) {
      try {
        return await this.#file.read(target, this.position);
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
      if (error instanceof PackedDataError)
        throw error.cutOff
          ? cutOff(this.#path)
          : new DataError(`${this.#path} holds damaged gzip data (${error.message}); copy or download it again`);
      throw this.#unreadable(error);
    }
  }

  #unreadable(error: unknown): DataError {
    return new DataError(`${this.#path} cannot be read: ${reason(error)}; check the disk it is on`);
  }
}
