/** Gzip and CRC-32. Each runtime has its own: Node zlib's, a browser and the memory storage pako's. */
export interface Packing {
  /**
   * CRC-32 of bytes, or of those before and these.
   * @param before the checksum of those before.
   */
  crc32(bytes: Uint8Array, before?: number): number;
  /**
   * Packs bytes as one gzip member, of zlib's level 4: on CT three times as fast as the usual level 6, and less than 1 %
   * larger.
   * @param write takes the packed bytes in order, one call at a time.
   */
  gzip(write: (packed: Uint8Array) => Promise<void>): Packer;
  /**
   * Unpacks one stream of deflate data (RFC 1951), piece by piece, with memory for a few pieces only.
   * @param next gives further packed bytes, none at their end. It may give more than belong to the stream.
   */
  inflate(next: () => Promise<Uint8Array>): Inflation;
}

/** A gzip member in the making. */
export interface Packer {
  /** Packs bytes, which may change once the promise is fulfilled. @throws what `write` throws. */
  write(bytes: Uint8Array): Promise<void>;
  /** Packs the rest and waits until all has been written. @throws what `write` throws. */
  end(): Promise<void>;
  /** Gives it up, or does nothing after `end`. It never throws. */
  close(): Promise<void>;
}

/**
 * The content of a deflate stream. Reading it throws {@link PackedDataError} where the data are damaged or end too early,
 * and what `next` throws.
 */
export interface Inflation extends AsyncIterable<Uint8Array> {
  /** Packed bytes that the stream has: known when all of its content has been read. */
  readonly consumed: number;
}

/** Packed data that cannot be unpacked; the message is zlib's, such as "invalid block type". */
export class PackedDataError extends Error {
  override readonly name = "PackedDataError";

  constructor(
    message: string,
    /** Whether the data only end too early. */
    readonly cutOff: boolean,
  ) {
    super(message);
  }
}
