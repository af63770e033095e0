import { crc32Final, crc32Init, crc32Update } from "@foxglove/crc";
import { Deflate, Inflate, type ZStream } from "pako";
import { type Inflation, PackedDataError, type Packer, type Packing } from "./packing.js";

const chunkBytes = 1 << 18;
/** Packed bytes that are unpacked at a time: they make 16 MiB at most. */
const packedAtOnce = 1 << 14;

/** pako, a port of zlib, for every runtime. It packs to the bytes that Node's zlib packs to. */
export const portablePacking: Packing = {
  crc32: (bytes, before) => crc32Final(crc32Update(before === undefined ? crc32Init() : ~before, bytes)),
  gzip: (write) => new PortablePacker(write),
  inflate: (next) => new PortableInflation(next),
};

class PortablePacker implements Packer {
  private readonly deflate = new Deflate({ level: 4, gzip: true, chunkSize: chunkBytes });
  private readonly packed: Uint8Array[] = [];

  constructor(private readonly writePacked: (packed: Uint8Array) => Promise<void>) {
    this.deflate.onData = (chunk) => void this.packed.push(chunk);
    this.deflate.onEnd = () => undefined;
  }

  write(bytes: Uint8Array): Promise<void> {
    this.deflate.push(bytes, false);
    return this.passOn();
  }

  end(): Promise<void> {
    this.deflate.push(new Uint8Array(), true);
    return this.passOn();
  }

  async close(): Promise<void> {
    this.packed.length = 0;
  }

  private async passOn(): Promise<void> {
    for (const chunk of this.packed.splice(0)) await this.writePacked(chunk);
  }
}

class PortableInflation implements Inflation {
  consumed = 0;

  constructor(private readonly next: () => Promise<Uint8Array>) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    const inflate = new Inflate({ raw: true, chunkSize: chunkBytes });
    const content: Uint8Array[] = [];
    let stream: ZStream | undefined;
    inflate.onStart = (strm) => {
      stream = strm;
    };
    inflate.onData = (chunk) => void content.push(chunk);
    inflate.onEnd = () => undefined;
    while (!inflate.ended) {
      const packed = await this.next();
      if (packed.length === 0) throw new PackedDataError("unexpected end of file", true);
      for (let at = 0; at < packed.length && !inflate.ended; at += packedAtOnce) {
        inflate.push(packed.subarray(at, at + packedAtOnce));
        if (inflate.err !== 0) throw new PackedDataError(inflate.msg, false);
        yield* content.splice(0);
      }
    }
    this.consumed = stream?.total_in ?? 0;
  }
}
