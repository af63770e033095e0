import { enable, hasFunction, replaceBinding, replaceDefinition } from "./wgsl-text.js";

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

/** How the channel blocks of a packed weight lie, one after another. */
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

/** A blocked kernel's text with its packed weights in that kind of buffer; the file has them in a uniform one. */
export const withWeightAccess = (source: string, access: WeightPlan["access"], binding = "weight"): string =>
  access === "uniform" ? source : replaceBinding(source, binding, `var<storage, read> ${binding}: array<vec4f>;`);

/** Where a subgroup's invocations find eight weights. */
export interface SharedWeights {
  /** The binding that the file has them in. */
  readonly binding: string;
  /** Parameters of the file's `loadWeights`, but for the last, `lane`. */
  readonly parameters: string;
  /** WGSL expression of these and of `place`, the place in the subgroup: which number of the binding is read there. */
  readonly index: string;
}

/**
 * A kernel's text for subgroups of 8 invocations, each of which reads one of eight weights and passes it to the others:
 * where a load costs more than a multiplication. All invocations must take the same way to each load; a function
 * `channelsFor` that lets some leave early is replaced by one that does not.
 */
export function withSubgroupWeights(source: string, { binding, parameters, index }: SharedWeights): string {
  let text = replaceBinding(source, binding, `var<storage, read> ${binding}: array<f32>;`);
  text = replaceDefinition(
    text,
    "fn",
    "loadWeights",
    `fn loadWeights(${parameters}, lane: u32) -> Weights {
  let place = lane % 8u;
  let mine = ${binding}[${index}];
  return Weights(
    vec4f(subgroupShuffle(mine, 0u), subgroupShuffle(mine, 1u), subgroupShuffle(mine, 2u), subgroupShuffle(mine, 3u)),
    vec4f(subgroupShuffle(mine, 4u), subgroupShuffle(mine, 5u), subgroupShuffle(mine, 6u), subgroupShuffle(mine, 7u)),
  );
}`,
  );
  if (hasFunction(text, "channelsFor")) {
    const all = "fn channelsFor(live: bool) -> u32 { return sizes.inChannels; }";
    text = replaceDefinition(text, "fn", "channelsFor", all);
  }
  return enable(text, "subgroups");
}

/** Lays the blocks out; `weightAt` gives the place in the weight of an element of a block, or `noWeight`. */
export function packBlocks(
  { blockLength, blocks }: WeightPlan,
  weightAt: (block: number, element: number) => number,
): PackedLayout {
  const length = blocks * blockLength;
  const index = Uint32Array.from({ length }, (_, i) => weightAt(Math.floor(i / blockLength), i % blockLength));
  return { length, index };
}
