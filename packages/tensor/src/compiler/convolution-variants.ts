import type { ImageShape, Reduction } from "@lobule/kernels-wgsl";

/** A convolution kernel of a program, as far as it decides which variant is the fastest. */
export interface ConvolutionCall {
  readonly family: "conv3x3" | "conv1x1" | "conv-transpose2x2";
  readonly direction: "forward" | "grad-input" | "grad-weight";
  /** The forward convolution's input and output channels. */
  readonly input: ImageShape;
  readonly outChannels: number;
}

/** plain: the readable one; see the kernels' rooms for the others. */
export const convolutionVariants = ["plain", "blocked", "serial", "subgroup", "tiled", "matrix"] as const;
export type ConvolutionVariant = (typeof convolutionVariants)[number];

/** Channels from which on the 8 invocations of a subgroup, each with an input channel of its own, are worth it. */
const fewestSharedChannels = 4;

/** Whether a tiled kernel of the weight gradient exists: it pays whatever the channels, because loading is dear. */
const tilesWeightGradient = (family: ConvolutionCall["family"], direction: ConvolutionCall["direction"]): boolean =>
  direction === "grad-weight" && family !== "conv-transpose2x2";

/** The variant that suits an adapter without having been timed. */
export function defaultVariant(
  { family, direction, input }: ConvolutionCall,
  reduction: Reduction,
): ConvolutionVariant {
  if (reduction === "parallel") return tilesWeightGradient(family, direction) ? "tiled" : "blocked";
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
    if (image || tilesWeightGradient(family, direction)) all.push("tiled");
    if (image && matrices) all.push("matrix");
  }
  return [first, ...all.filter((variant) => variant !== first)];
}
