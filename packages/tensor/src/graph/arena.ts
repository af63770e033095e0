/** A buffer of a program that several tensors share at fixed places, so that one dispatch can read or write them all. */
export class Arena {
  private used = 0;

  /** @param length f32 elements; grows as places are reserved where it is left out. */
  constructor(
    readonly name: string,
    length = 0,
  ) {
    this.used = length;
  }

  get length(): number {
    return this.used;
  }

  /** Reserves elements and returns the first one's index, a multiple of 64 (256 bytes). */
  reserve(length: number): number {
    const offset = Math.ceil(this.used / 64) * 64;
    this.used = offset + length;
    return offset;
  }
}
