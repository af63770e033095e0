import {
  type ConvolutionProblem,
  conv1x1,
  conv1x1GradInput,
  conv1x1GradWeight,
  conv3x3,
  conv3x3GradInput,
  conv3x3GradWeight,
  convTranspose2x2,
  convTranspose2x2GradInput,
  convTranspose2x2GradWeight,
  type Kernel,
  type PackedLayout,
  packConv1x1,
  packConv3x3,
  packConv3x3Filters,
  packConvTranspose2x2,
  packHalves,
  readsTwoImages,
  type Shortcut,
  splitsConv1x1,
  splitsConv3x3,
} from "@lobule/kernels-wgsl";
import type { ConvolutionCall, ConvolutionVariant } from "../graph/convolution-call.js";

/** What a kernel does besides its convolution. */
interface Extras<OneByOne> {
  /** Adds this 1×1 convolution: 3×3 ones can. */
  readonly shortcut?: OneByOne | undefined;
  /** Stores the maximum of each 2×2 window too: where {@link canPool} says so. */
  readonly pooled?: boolean;
  /** Channels of the first of two images that are the input: where {@link takesTwoImages} says so. */
  readonly split?: number | undefined;
  /** Bytes of workgroup memory that it may use; what every adapter has where undefined. */
  readonly memory?: number | undefined;
}

type ImageKernel = (
  problem: ConvolutionProblem,
  variant: Exclude<ConvolutionVariant, "serial">,
  extras: Extras<Shortcut>,
) => Kernel;

type Pack = (inChannels: number, outChannels: number, direction: "forward" | "grad-input") => PackedLayout;

/** The kernels of one family. */
interface Family {
  readonly forward: ImageKernel;
  readonly gradInput: ImageKernel;
  readonly gradWeight: (
    problem: ConvolutionProblem,
    variant: ConvolutionVariant,
    split: number | undefined,
  ) => Kernel & { readonly partials: number };
  readonly pack: Pack;
  /** Weights between a channel and another. */
  readonly taps: number;
  /** For Winograd's convolution, where there is such. */
  readonly packFilters?: Pack;
}

const noKernel = (variant: ConvolutionVariant): RangeError =>
  new RangeError(`this convolution has no ${variant} kernel; choose one of the call's candidate variants`);

/** The variants of the images of 3×3 convolutions. @throws RangeError for one of weight gradients. */
function wideVariant(variant: Exclude<ConvolutionVariant, "serial">) {
  if (variant === "vector-2x" || variant === "vector-4x" || variant === "vector-ahead") throw noKernel(variant);
  return variant;
}

/** The variants of the images of 1×1 and transposed convolutions. @throws RangeError for another one. */
function imageVariant(variant: ConvolutionVariant): "plain" | "blocked" | "subgroup" | "vector" {
  switch (variant) {
    case "plain":
    case "blocked":
    case "subgroup":
    case "vector":
      return variant;
    default:
      throw noKernel(variant);
  }
}

/** A weight gradient's kernel, times the usual workgroups, and whether it loads ahead. */
function weightWay(variant: ConvolutionVariant) {
  if (variant === "vector-2x") return { way: "vector", factor: 2, ahead: false } as const;
  if (variant === "vector-4x") return { way: "vector", factor: 4, ahead: false } as const;
  if (variant === "vector-ahead") return { way: "vector", factor: 1, ahead: true } as const;
  if (variant === "tall" || variant === "winograd") throw noKernel(variant);
  return { way: variant, factor: 1, ahead: false } as const;
}

/** Whether a call's kernel takes an input that is two images, the first one of `split` channels. */
export function takesTwoImages(
  { family, direction }: ConvolutionCall,
  variant: ConvolutionVariant,
  split: number,
): boolean {
  if (direction === "grad-input" || variant === "serial") return false;
  if (direction === "forward") {
    if (family === "conv3x3") return readsTwoImages(wideVariant(variant));
    return family === "conv1x1" && variant === "vector";
  }
  const splits = { conv3x3: splitsConv3x3, conv1x1: splitsConv1x1, "conv-transpose2x2": () => false }[family];
  return weightWay(variant).way === "vector" && splits(split);
}

/** The same for 1×1 and transposed convolutions: where a subgroup shares no sums, its invocations sum each for itself. */
function narrowWeightWay(variant: ConvolutionVariant) {
  const { way, factor, ahead } = weightWay(variant);
  if (ahead || way === "matrix") throw noKernel(variant);
  return { way: way === "subgroup" ? ("serial" as const) : way, factor };
}

/** `weights` as in {@link conv1x1GradWeight}. */
export function conv1x1GradWeightOf(
  problem: ConvolutionProblem,
  variant: ConvolutionVariant,
  { weights = 1, split }: { readonly weights?: number; readonly split?: number | undefined } = {},
) {
  const { way, factor } = narrowWeightWay(variant);
  return conv1x1GradWeight(problem, way, weights, { factor, split });
}

const families: Readonly<Record<ConvolutionCall["family"], Family>> = {
  conv3x3: {
    forward: (problem, variant, { shortcut, memory, split }) =>
      conv3x3(problem, wideVariant(variant), shortcut, memory, split),
    gradInput: (problem, variant, { shortcut, memory }) =>
      conv3x3GradInput(problem, wideVariant(variant), shortcut, memory),
    gradWeight: (problem, variant, split) => {
      const { way, ...options } = weightWay(variant);
      return conv3x3GradWeight(problem, way, { ...options, split });
    },
    pack: packConv3x3,
    taps: 9,
    packFilters: packConv3x3Filters,
  },
  conv1x1: {
    forward: (problem, variant, { pooled, split }) => conv1x1(problem, imageVariant(variant), pooled, split),
    gradInput: (problem, variant) => conv1x1GradInput(problem, imageVariant(variant)),
    gradWeight: (problem, variant, split) => conv1x1GradWeightOf(problem, variant, { split }),
    pack: packConv1x1,
    taps: 1,
  },
  "conv-transpose2x2": {
    forward: (problem, variant) => convTranspose2x2(problem, imageVariant(variant)),
    gradInput: (problem, variant) => convTranspose2x2GradInput(problem, imageVariant(variant)),
    gradWeight: (problem, variant) => {
      const { way, factor } = narrowWeightWay(variant);
      return convTranspose2x2GradWeight(problem, way, factor);
    },
    pack: packConvTranspose2x2,
    taps: 4,
  },
};

/** Whether a call's kernel can store the maximum of each 2×2 window besides. */
export const canPool = ({ family, direction }: ConvolutionCall, variant: ConvolutionVariant): boolean =>
  family === "conv1x1" && direction === "forward" && variant !== "plain";

/** The kernel of a call; a weight gradient's has `partials`. */
export function convolutionKernel(
  { family, direction, input, outChannels }: ConvolutionCall,
  variant: ConvolutionVariant,
  { shortcut, pooled = false, split, memory }: Extras<ConvolutionCall> = {},
): Kernel & { readonly partials?: number } {
  const { forward, gradInput, gradWeight } = families[family];
  const problem = { input, outChannels };
  if (direction === "grad-weight") return gradWeight(problem, variant, split);
  const image = direction === "forward" ? forward : gradInput;
  const extras = { shortcut: shortcut && shortcutKernel(shortcut), pooled, memory, split };
  return image(problem, variant === "serial" ? "blocked" : variant, extras);
}

const shortcutKernel = ({ direction, input, outChannels }: ConvolutionCall): Shortcut =>
  direction === "forward"
    ? { channels: input.channels, transposed: false }
    : { channels: outChannels, transposed: true };

/** The variants that read the weight as {@link Family.pack} lays it out. */
const packing: ReadonlySet<ConvolutionVariant> = new Set([
  "blocked",
  "serial",
  "tiled",
  "matrix",
  "vector",
  "tall",
  "winograd",
]);

/** The memory layout of a call's weight for a variant; undefined where it is read as it is. */
export function packedLayout(
  { family, direction, input, outChannels }: ConvolutionCall,
  variant: ConvolutionVariant,
): PackedLayout | undefined {
  if (direction === "grad-weight" || !packing.has(variant)) return undefined;
  const { pack, packFilters = pack, taps } = families[family];
  if (variant === "matrix") return packHalves(taps, input.channels, outChannels, direction);
  return (variant === "winograd" ? packFilters : pack)(input.channels, outChannels, direction);
}
