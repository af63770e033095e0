import { hasQuads, type Reduction } from "@lobule/kernels-wgsl";
import type { ConvolutionCall, ConvolutionVariant } from "../graph/convolution-call.js";

/** Channels from which on the 8 invocations of a subgroup, each with an input channel of its own, are worth it. */
const fewestSharedChannels = 4;

/** Whether images can be read four pixels at a time, which takes a GPU half the loads. */
const readsQuads = ({ family, direction, input }: ConvolutionCall): boolean =>
  (family === "conv3x3" || (family === "conv1x1" && direction === "grad-weight")) && hasQuads(input);

/** The variant that suits an adapter without having been timed. */
export function defaultVariant(call: ConvolutionCall, reduction: Reduction): ConvolutionVariant {
  const { family, direction, input } = call;
  if (reduction === "parallel") {
    if (readsQuads(call)) return "vector";
    // A weight gradient's tiles pay whatever the channels, because loading is dear.
    return direction === "grad-weight" ? "tiled" : "blocked";
  }
  if (direction === "grad-weight") {
    const shared = reduction === "subgroup" && family === "conv3x3" && input.channels >= fewestSharedChannels;
    return shared ? "subgroup" : "serial";
  }
  return reduction === "subgroup" ? "subgroup" : "blocked";
}

/** Channels from which on an image's tile in workgroup memory may pay: fewer leave most of it empty. */
const fewestTiledChannels = 16;

/**
 * The variants that may run on an adapter, the default one first.
 * @param matrices whether the adapter has matrix units and the program may use them, being one of precision f16.
 */
export function candidateVariants(call: ConvolutionCall, reduction: Reduction, matrices = false): ConvolutionVariant[] {
  const { family, direction, input, outChannels } = call;
  const first = defaultVariant(call, reduction);
  const all: ConvolutionVariant[] = ["blocked", "plain"];
  if (direction === "grad-weight") all.push("serial");
  if (reduction === "subgroup" && (direction !== "grad-weight" || family === "conv3x3")) all.push("subgroup");
  if (reduction === "parallel") {
    const many = Math.min(input.channels, outChannels) >= fewestTiledChannels;
    const image = family === "conv3x3" && direction !== "grad-weight" && many;
    if (image || direction === "grad-weight") all.push("tiled");
    if (image && matrices) all.push("matrix");
    if (readsQuads(call)) all.push("vector");
  }
  return [first, ...all.filter((variant) => variant !== first)];
}
