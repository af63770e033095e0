import { filterSum } from "./winograd.js";

/** Marks an element of a packed array that no weight fills; it is zero. */
export const noWeight = 0xffff_ffff;

/**
 * How a weight is laid out for a kernel: `packed[i] = index[i] === noWeight ? 0 : weight[index[i]]`, or, of `filters`,
 * `filterSum(weight, index[i])`.
 */
export interface PackedLayout {
  /** Elements of the packed array. */
  readonly length: number;
  readonly index: Uint32Array;
  /** Whether the elements are sums of the taps of a row, see contract/winograd.ts. */
  readonly filters?: boolean;
}

/** A weight in the layout of a kernel, on the host. */
export const packWeight = (weight: Float32Array, { index, filters = false }: PackedLayout): Float32Array =>
  Float32Array.from(index, (at) => {
    if (at === noWeight) return 0;
    return filters ? filterSum(weight, at) : (weight[at] ?? 0);
  });

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
