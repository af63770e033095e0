import { hasQuads, type Reduction } from "@lobule/kernels-wgsl";
import type { ConvolutionCall, ConvolutionVariant } from "../graph/convolution-call.js";

/** Channels from which on the 8 invocations of a subgroup, each with an input channel of its own, are worth it. */
const fewestSharedChannels = 4;

/** The variants that read images four pixels at a time, which takes a GPU half the loads; the default one first. */
function quadVariants({ family, direction, input }: ConvolutionCall): ConvolutionVariant[] {
  if (!hasQuads(input)) return [];
  // How many workgroups suit a weight gradient depends on the GPU: more fill it, fewer leave less to add up.
  const shared: ConvolutionVariant[] = ["vector", "vector-2x", "vector-4x"];
  if (direction === "grad-weight") return family === "conv3x3" ? [...shared, "vector-ahead"] : shared;
  return family === "conv3x3" ? ["tall", "vector", "winograd"] : ["vector"];
}

/** The variant that suits an adapter without having been timed. */
export function defaultVariant(call: ConvolutionCall, reduction: Reduction): ConvolutionVariant {
  const { family, direction, input } = call;
  if (reduction === "parallel") {
    // A weight gradient's tiles pay whatever the channels, because loading is dear.
    return quadVariants(call)[0] ?? (direction === "grad-weight" ? "tiled" : "blocked");
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
    const tiles = family === "conv3x3" && many && hasQuads(input);
    if (tiles || direction === "grad-weight") all.push("tiled");
    if (tiles && matrices) all.push("matrix");
    all.push(...quadVariants(call));
  }
  return [first, ...all.filter((variant) => variant !== first)];
}
