import { ceilDivide, type Launch } from "./kernel.js";
import { replaceBinding, replaceDefinition } from "./wgsl-text.js";

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

/** How the channel blocks of a packed weight are spread over launches. */
export interface WeightPlan {
  /** Storage where one block does not fit a uniform binding. */
  readonly access: "uniform" | "storage";
  /** Elements of a channel block. */
  readonly blockLength: number;
  readonly blocks: number;
  readonly blocksPerLaunch: number;
  /** Elements from the first block of a launch to that of the next; a multiple of 64 (256 bytes). */
  readonly launchLength: number;
}

/**
 * Gives each launch as many channel blocks as one uniform binding holds; the weights of each launch then begin at a
 * multiple of 256 bytes, the alignment that WebGPU asks of a bound range. From storage, one launch reads them all.
 */
export function planWeight(blockLength: number, blocks: number): WeightPlan {
  const fitting = Math.floor(uniformWeightBytes / (blockLength * 4));
  if (fitting === 0) {
    return { access: "storage", blockLength, blocks, blocksPerLaunch: blocks, launchLength: blocks * blockLength };
  }
  const blocksPerLaunch = Math.min(fitting, blocks);
  const launchLength = ceilDivide(blocksPerLaunch * blockLength, 64) * 64;
  return { access: "uniform", blockLength, blocks, blocksPerLaunch, launchLength };
}

/** A blocked kernel's text with its packed weights in that kind of buffer; the file has them in a uniform one. */
export const withWeightAccess = (source: string, access: WeightPlan["access"]): string =>
  access === "uniform" ? source : replaceBinding(source, "weight", "var<storage, read> weight: array<vec4f>;");

/**
 * A blocked kernel's text for subgroups of 8 invocations, each of which reads one of eight weights and passes it to the
 * others: where a load costs more than a multiplication. The weights are not packed. The file has the functions
 * `loadWeights(…, lane)` and `channelsFor(live)`; `parameters` are those of the former, `index` is a WGSL expression of
 * them and of `place`, the place in the subgroup, for the weight that the invocation reads.
 */
export function withSubgroupWeights(source: string, parameters: string, index: string): string {
  let text = replaceBinding(source, "weight", "var<storage, read> weight: array<f32>;");
  text = replaceDefinition(
    text,
    "fn",
    "loadWeights",
    `fn loadWeights(${parameters}, lane: u32) -> Weights {
  let place = lane % 8u;
  let mine = weight[${index}];
  return Weights(
    vec4f(subgroupShuffle(mine, 0u), subgroupShuffle(mine, 1u), subgroupShuffle(mine, 2u), subgroupShuffle(mine, 3u)),
    vec4f(subgroupShuffle(mine, 4u), subgroupShuffle(mine, 5u), subgroupShuffle(mine, 6u), subgroupShuffle(mine, 7u)),
  );
}`,
  );
  // An invocation that left could not pass its weight on.
  text = replaceDefinition(text, "fn", "channelsFor", "fn channelsFor(live: bool) -> u32 { return sizes.inChannels; }");
  return `enable subgroups;\n${text}`;
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
