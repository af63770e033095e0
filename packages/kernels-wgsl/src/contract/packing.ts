import { toHalf } from "./half.js";
import { ceilDivide } from "./kernel.js";
import { filterSum } from "./winograd.js";

/** Marks an element of a packed array that no weight fills; it is zero. */
export const noWeight = 0xffff_ffff;

/**
 * How a weight is laid out for a kernel: `packed[i] = index[i] === noWeight ? 0 : weight[index[i]]`, or, of `filters`,
 * `filterSum(weight, index[i])`. Of `halves` two such numbers in f16 are one element, and `index` is twice as long.
 */
export interface PackedLayout {
  /** Elements of the packed array. */
  readonly length: number;
  readonly index: Uint32Array;
  /** Sums of the taps of a row, see contract/winograd.ts, or f16; the weights themselves where it is missing. */
  readonly kind?: PackingKind;
}

/** What the elements of a packed weight are, where they are not the weights themselves. */
export type PackingKind = "filters" | "halves";

/** A weight in the layout of a kernel, on the host; halves as their bits. */
export function packWeight(weight: Float32Array, { index, kind }: PackedLayout): Float32Array {
  const packed = Float32Array.from(index, (at) => {
    if (at === noWeight) return 0;
    return kind === "filters" ? filterSum(weight, at) : (weight[at] ?? 0);
  });
  return kind === "halves" ? new Float32Array(toHalf(packed).buffer) : packed;
}

/** Bytes of `var<uniform> weight: array<vec4f, 4096>`: the least that every WebGPU device lets a kernel bind. */
export const uniformWeightBytes = 65_536;

/** The channel blocks of a packed weight, which follow one another. */
export interface WeightPlan {
  /** Elements of a channel block. */
  readonly blockLength: number;
  readonly blocks: number;
  /** Storage where the blocks together do not fit a uniform binding. */
  readonly access: "uniform" | "storage";
}

export const planWeight = (blockLength: number, blocks: number): WeightPlan => ({
  blockLength,
  blocks,
  access: blocks * blockLength * 4 <= uniformWeightBytes ? "uniform" : "storage",
});

/** Lays the blocks out; `weightAt` gives the index in the weight of an element of a block, or `noWeight`. */
export function packBlocks(
  { blockLength, blocks }: WeightPlan,
  weightAt: (block: number, element: number) => number,
): PackedLayout {
  const length = blocks * blockLength;
  const index = Uint32Array.from({ length }, (_, i) => weightAt(Math.floor(i / blockLength), i % blockLength));
  return { length, index };
}

/** Channels of a matrix, and output channels of a block of the kernels for matrix units. */
const matrixChannels = 16;
const matrixBlock = 32;

/**
 * Layout of a weight [co, ci, taps] for matrix units, in f16: [read channels / 16, taps, written channels, 16]. Written channels
 * are filled up to blocks of 32, read ones to 16, with zeros. Channels are those of the forward convolution; for the input
 * gradient the taps are turned.
 */
export function packHalves(
  taps: number,
  inChannels: number,
  outChannels: number,
  direction: "forward" | "grad-input",
): PackedLayout {
  const forward = direction === "forward";
  const [reads, writes] = forward ? [inChannels, outChannels] : [outChannels, inChannels];
  const rows = ceilDivide(writes, matrixBlock) * matrixBlock;
  const elements = ceilDivide(reads, matrixChannels) * taps * rows * matrixChannels;
  const index = Uint32Array.from({ length: elements }, (_, i) => {
    const line = Math.floor(i / matrixChannels);
    const write = line % rows;
    const tap = Math.floor(line / rows) % taps;
    const read = Math.floor(line / rows / taps) * matrixChannels + (i % matrixChannels);
    if (read >= reads || write >= writes) return noWeight;
    return forward ? (write * inChannels + read) * taps + tap : (read * inChannels + write + 1) * taps - 1 - tap;
  });
  return { length: elements / 2, index, kind: "halves" };
}
