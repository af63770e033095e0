import { constants, crc32, deflateRawSync } from "node:zlib";

/** Bytes that were compressed so that they can be put into any gzip file, as often as they are wanted. */
export interface PackedBytes {
  readonly plain: Uint8Array;
  readonly packed: Uint8Array;
}

/** Compresses fast. What is packed ends at a full byte and refers to nothing before it (a full flush). */
export const packBytes = (plain: Uint8Array): PackedBytes => ({
  plain,
  packed: deflateRawSync(plain, { level: 1, finishFlush: constants.Z_FULL_FLUSH }),
});

/** A gzip file without a name or a time. Source: RFC 1952. */
const gzipStart = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
/** The last block of a deflate stream, which is empty. Source: RFC 1951. */
const lastBlock = Uint8Array.of(3, 0);

/** The gzip file of parts one after another, in one member: pieces to be written in this order. */
export function* gzipFile(parts: Iterable<PackedBytes>): Generator<Uint8Array> {
  yield gzipStart;
  let [checksum, length] = [0, 0];
  for (const { plain, packed } of parts) {
    // Of no bytes Node's function forgets what came before.
    if (plain.length > 0) checksum = crc32(plain, checksum);
    length += plain.length;
    yield packed;
  }
  yield lastBlock;
  const end = new DataView(new ArrayBuffer(8));
  end.setUint32(0, checksum, true);
  end.setUint32(4, length % 2 ** 32, true);
  yield new Uint8Array(end.buffer);
}
