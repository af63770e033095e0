import type { PackingKind } from "@lobule/kernels-wgsl";
/** A buffer of a program that several tensors share, each at an offset of its own. */
export interface FlatBuffer {
  /** For people: the label of the buffer on the device. */
  readonly name: string;
  /** f32 elements. */
  readonly length: number;
}

/** A flat buffer that is laid out as a program is planned, so that one dispatch can read or write all that is in it. */
export class Arena implements FlatBuffer {
  private used = 0;

  /** @param length f32 elements; grows as ranges are reserved where it is left out. */
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

/** Where a reduction's partial results are in memory; all in f32 elements. */
export interface Segment {
  readonly partialOffset: number;
  readonly partialStride: number;
  readonly elementStride: number;
  readonly length: number;
  readonly count: number;
}

/** Where each element of a repacked weight comes from. 0xffffffff in `index` stands for zero. */
export interface Packing {
  readonly length: number;
  /** Which source, by element; all from the first where it is missing. */
  readonly source?: Uint8Array;
  readonly index: Uint32Array;
  /** What the elements are, see `gatherFilters` and `gatherHalves`; the sources' own where it is missing. */
  readonly kind?: PackingKind | undefined;
}
