import type { WeightPlan } from "../contract/packing.js";
import { withStoreLoop } from "./store-loop.js";
import { enable, hasFunction, replaceBinding, replaceDefinition } from "./wgsl-text.js";

/** A blocked kernel's text with its packed weights in that kind of buffer; the file has them in a uniform one. */
export const withWeightAccess = (source: string, access: WeightPlan["access"], binding = "weight"): string =>
  access === "uniform" ? source : replaceBinding(source, binding, `var<storage, read> ${binding}: array<vec4f>;`);

/** Where a subgroup's invocations find eight weights. */
export interface SharedWeights {
  /** The binding that the file has them in. */
  readonly binding: string;
  /** Parameters of the file's `loadWeights`, but for the last, `lane`. */
  readonly parameters: string;
  /** WGSL expression of these and of `place`, the invocation's index in the subgroup: which element of the binding it reads. */
  readonly index: string;
}

/**
 * A kernel's text for subgroups of 8 invocations, each of which reads one of eight weights and passes it to the others:
 * where a load costs more than a multiplication. All invocations must take the same way to each load; a function
 * `channelsFor` that lets some leave early is replaced by one that does not. Its stores are looped, see
 * {@link withStoreLoop}.
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
  return enable(withStoreLoop(text), "subgroups");
}
