import { ceilDivide, type Launch } from "./kernel.js";

/** Marks an element of a packed array that no weight fills; it is zero. */
export const noWeight = 0xffff_ffff;

/** How a weight is laid out for a kernel: `packed[i] = index[i] === noWeight ? 0 : weight[index[i]]`. */
export interface PackedLayout {
  /** Elements of the packed array. */
  readonly length: number;
  readonly index: Uint32Array;
}

/** A weight in the layout of a kernel, on the host. */
export const packWeight = (weight: Float32Array, { length, index }: PackedLayout): Float32Array =>
  Float32Array.from({ length }, (_, i) => (index[i] === noWeight ? 0 : (weight[index[i] as number] as number)));

/** Bytes of `var<uniform> weight: array<vec4f, 4096>`: the least that every WebGPU device lets a kernel bind. */
export const uniformWeightBytes = 65_536;

/** Thrown when the weights of one channel block fill more than a uniform binding. */
export class WeightBlockTooLargeError extends Error {
  override readonly name = "WeightBlockTooLargeError";

  constructor(
    readonly kernel: string,
    readonly blockBytes: number,
  ) {
    super(
      `${kernel}: the weights of one channel block need ${blockBytes} bytes, a uniform binding holds ${uniformWeightBytes}. Use the plain variant.`,
    );
  }
}

/** How the channel blocks of a packed weight are spread over launches. */
export interface WeightPlan {
  /** Elements of a channel block. */
  readonly blockLength: number;
  readonly blocks: number;
  readonly blocksPerLaunch: number;
  /** Elements from the first block of a launch to that of the next; a multiple of 64 (256 bytes). */
  readonly launchLength: number;
}

/**
 * Gives each launch as many channel blocks as one uniform binding holds. The weights of each launch begin at a multiple
 * of 256 bytes, the alignment that WebGPU asks of a bound range.
 * @throws WeightBlockTooLargeError when a single block does not fit.
 */
export function planUniformWeight(kernel: string, blockLength: number, blocks: number): WeightPlan {
  const fitting = Math.floor(uniformWeightBytes / (blockLength * 4));
  if (fitting === 0) throw new WeightBlockTooLargeError(kernel, blockLength * 4);
  const blocksPerLaunch = Math.min(fitting, blocks);
  return { blockLength, blocks, blocksPerLaunch, launchLength: ceilDivide(blocksPerLaunch * blockLength, 64) * 64 };
}

/** Lays the blocks out by launch; `weightAt` gives the place in the weight of an element of a block, or `noWeight`. */
export function packBlocks(
  { blockLength, blocks, blocksPerLaunch, launchLength }: WeightPlan,
  weightAt: (block: number, element: number) => number,
): PackedLayout {
  const length = ceilDivide(blocks, blocksPerLaunch) * launchLength;
  const index = new Uint32Array(length).fill(noWeight);
  for (let block = 0; block < blocks; block++) {
    const first = Math.floor(block / blocksPerLaunch) * launchLength + (block % blocksPerLaunch) * blockLength;
    for (let element = 0; element < blockLength; element++) index[first + element] = weightAt(block, element);
  }
  return { length, index };
}

/** The launches of a plan: channel blocks lie along z, `firstBlock` of `struct Sizes` is the launch's first. */
export function launchBlocks(
  { blocks, blocksPerLaunch, launchLength }: WeightPlan,
  [x, y]: readonly [number, number],
  sizes: Readonly<Record<string, number>>,
): Launch[] {
  return Array.from({ length: ceilDivide(blocks, blocksPerLaunch) }, (_, launch): Launch => {
    const firstBlock = launch * blocksPerLaunch;
    return {
      sizes: { ...sizes, firstBlock },
      workgroups: [x, y, Math.min(blocksPerLaunch, blocks - firstBlock)],
      ...(launch === 0 ? {} : { offsets: { weight: launch * launchLength * 4 } }),
    };
  });
}
