import { PytorchError } from "./pytorch-error.js";

/** Reads bytes one after another and never beyond their end. */
export class ByteCursor {
  private readonly view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The next `count` bytes, as a part of the same memory. @throws PytorchError when there are not so many. */
  take(count: number): Uint8Array {
    const start = this.skip(count);
    return this.bytes.subarray(start, start + count);
  }

  uint8(): number {
    return this.view.getUint8(this.skip(1));
  }

  uint16(): number {
    return this.view.getUint16(this.skip(2), true);
  }

  uint32(): number {
    return this.view.getUint32(this.skip(4), true);
  }

  int32(): number {
    return this.view.getInt32(this.skip(4), true);
  }

  /** A length in 64 bits. @throws PytorchError when it is more than any file has. */
  size64(): number {
    const value = this.view.getBigUint64(this.skip(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER))
      throw new PytorchError(`a length of ${value} bytes is beyond the file`);
    return Number(value);
  }

  /** A float64 with its most significant byte first. */
  float64(): number {
    return this.view.getFloat64(this.skip(8), false);
  }

  /** The text up to the next line end, without it. @throws PytorchError when there is none. */
  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw new PytorchError(`the line at byte ${this.at} has no end`);
    const text = latin1(this.bytes.subarray(this.at, end));
    this.at = end + 1;
    return text;
  }

  /** Where the next `count` bytes begin; the cursor is behind them then. */
  private skip(count: number): number {
    const start = this.at;
    if (!(count >= 0 && count <= this.bytes.length - start)) {
      throw new PytorchError(
        `at byte ${start} ${count} bytes are to follow, and the file ends at ${this.bytes.length}`,
      );
    }
    this.at = start + count;
    return start;
  }
}

const latin = new TextDecoder("latin1");
const utf8 = new TextDecoder("utf-8");

/** Text of one byte a character. */
export const latin1 = (bytes: Uint8Array): string => latin.decode(bytes);

/** Text in UTF-8; what is none becomes the replacement character. */
export const utf8Text = (bytes: Uint8Array): string => utf8.decode(bytes);
