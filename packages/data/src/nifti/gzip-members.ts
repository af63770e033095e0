import { DataError } from "../data-error.js";
import type { Packing } from "../storage/packing.js";
import type { OpenFile } from "../storage/storage.js";

const chunkBytes = 1 << 18;
/** A header is looked for in so many bytes; its extra field has at most 65,535, names are short. */
const headerWindow = 1 << 17;
const trailerBytes = 8;
/** Members without content that may follow each other: each takes work, and a file can hold any number of them. */
const mostEmptyMembers = 1000;

/** Bits of the flags in a member's header. */
const flags = { headerChecksum: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 } as const;

export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** What is behind the last member of a file. */
export interface Trailing {
  /** Bytes that are no gzip data; 0 until the end has been reached. */
  bytes: number;
}

/**
 * The content of a gzip file: that of its members one after another, each compared with its checksum when it ends.
 * Bytes behind a member that do not begin another one are passed over and counted, as zlib's gzread does; Node's gunzip
 * takes them for damage.
 *
 * Format: RFC 1952. Throws DataError for a damaged header, checksum or length, PackedDataError for the rest.
 */
export async function* unpackedMembers(
  packing: Packing,
  path: string,
  file: OpenFile,
  trailing: Trailing,
): AsyncGenerator<Uint8Array, void> {
  const { size } = file;
  const packed = new PackedBytes(file);
  let empty = 0;
  for (let position = 0; position < size; ) {
    const start = await packed.at(position, headerWindow);
    if (!isGzip(start)) {
      trailing.bytes = size - position;
      return;
    }
    position += headerLength(path, start);
    const member = { checksum: 0, length: 0, packed: 0 };
    yield* inflated(packing, packed, position, member);
    position += member.packed;
    const trailer = await packed.at(position, trailerBytes);
    if (trailer.length < trailerBytes) throw cutOff(path);
    const view = new DataView(trailer.buffer, trailer.byteOffset, trailerBytes);
    if (view.getUint32(0, true) !== member.checksum) throw damaged(path, "its checksum does not hold");
    if (view.getUint32(4, true) !== member.length % 2 ** 32) throw damaged(path, "its length is another one");
    position += trailerBytes;
    empty = member.length === 0 ? empty + 1 : 0;
    if (empty > mostEmptyMembers) throw damaged(path, "it has one member after another without content");
  }
}

/** A file's bytes, read in chunks. */
class PackedBytes {
  #chunk: Uint8Array = new Uint8Array(0);
  #start = 0;

  constructor(private readonly file: OpenFile) {}

  /** Bytes from `position` on: at least `least`, or all to the end of the file. */
  async at(position: number, least: number): Promise<Uint8Array> {
    const { size } = this.file;
    const wanted = Math.min(least, size - position);
    if (position < this.#start || position + wanted > this.#start + this.#chunk.length) {
      const length = Math.max(wanted, Math.min(chunkBytes, size - position), 0);
      const chunk = new Uint8Array(length);
      this.#chunk = chunk.subarray(0, await this.file.read(chunk, position));
      this.#start = position;
    }
    return this.#chunk.subarray(position - this.#start);
  }
}

/** The content of one member, whose deflated data begin at `position`; what it was is in `member` in the end. */
async function* inflated(
  packing: Packing,
  packed: PackedBytes,
  position: number,
  member: { checksum: number; length: number; packed: number },
): AsyncGenerator<Uint8Array, void> {
  let given = 0;
  const inflation = packing.inflate(async () => {
    const chunk = await packed.at(position + given, 1);
    given += chunk.length;
    return chunk;
  });
  for await (const chunk of inflation) {
    member.checksum = packing.crc32(chunk, member.checksum);
    member.length += chunk.length;
    yield chunk;
  }
  member.packed = inflation.consumed;
}

/** Bytes of a member's header. */
function headerLength(path: string, bytes: Uint8Array): number {
  const [, , method, flag = 0] = bytes;
  if (bytes.length < 10) throw cutOff(path);
  if (method !== 8) throw damaged(path, `its compression is of the unknown kind ${method}`);
  if ((flag & flags.reserved) !== 0) throw damaged(path, "its header has unknown flags");
  let length = 10;
  if ((flag & flags.extra) !== 0) length += 2 + (bytes[length] ?? 0) + 256 * (bytes[length + 1] ?? 0);
  for (const text of [flags.name, flags.comment])
    if ((flag & text) !== 0) {
      const end = bytes.indexOf(0, length);
      if (end < 0) throw bytes.length < headerWindow ? cutOff(path) : damaged(path, "its header has no end");
      length = end + 1;
    }
  if ((flag & flags.headerChecksum) !== 0) length += 2;
  if (length > bytes.length) throw cutOff(path);
  return length;
}

const damaged = (path: string, how: string): DataError =>
  new DataError(`${path} holds damaged gzip data (${how}); copy or download it again`);

export const cutOff = (path: string): DataError =>
  new DataError(`${path} is cut off in the middle of its gzip data; copy or download it again`);
