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
  packConvTranspose2x2,
  type Shortcut,
} from "@lobule/kernels-wgsl";
import type { ConvolutionCall, ConvolutionVariant } from "../graph/convolution-call.js";

/** What a kernel does besides its convolution. */
interface Extras<OneByOne> {
  /** Adds this 1×1 convolution: 3×3 ones can. */
  readonly shortcut?: OneByOne | undefined;
  /** Stores the maximum of each 2×2 window too: where {@link canPool} says so. */
  readonly pooled?: boolean;
}

type ImageKernel = (
  problem: ConvolutionProblem,
  variant: Exclude<ConvolutionVariant, "serial">,
  extras: Extras<Shortcut>,
) => Kernel;

/** The kernels of one family. */
interface Family {
  readonly forward: ImageKernel;
  readonly gradInput: ImageKernel;
  readonly gradWeight: (
    problem: ConvolutionProblem,
    variant: ConvolutionVariant,
  ) => Kernel & { readonly partials: number };
  readonly pack: (inChannels: number, outChannels: number, direction: "forward" | "grad-input") => PackedLayout;
}

/** A variant that every family has. @throws RangeError for one that only some have. */
function common<Variant extends ConvolutionVariant>(variant: Variant): Exclude<Variant, "tiled" | "matrix" | "vector"> {
  if (variant === "tiled" || variant === "matrix" || variant === "vector") {
    throw new RangeError(`this convolution has no ${variant} kernel; choose one of the call's candidate variants`);
  }
  return variant as Exclude<Variant, "tiled" | "matrix" | "vector">;
}

/** Where a subgroup shares no sums, its invocations sum each for itself. */
const alone = <Variant extends string>(variant: Variant): Exclude<Variant, "subgroup"> | "serial" =>
  variant === "subgroup" ? "serial" : (variant as Exclude<Variant, "subgroup">);

/** The variants of a weight gradient of 1×1 and transposed convolutions. */
const tiledOrAlone = (variant: ConvolutionVariant) => (variant === "tiled" ? variant : alone(common(variant)));

/** `weights` as in {@link conv1x1GradWeight}. */
export const conv1x1GradWeightOf = (problem: ConvolutionProblem, variant: ConvolutionVariant, weights = 1) =>
  conv1x1GradWeight(problem, variant === "vector" ? variant : tiledOrAlone(variant), weights);

const families: Readonly<Record<ConvolutionCall["family"], Family>> = {
  conv3x3: {
    forward: (problem, variant, { shortcut }) => conv3x3(problem, variant, shortcut),
    gradInput: (problem, variant, { shortcut }) => conv3x3GradInput(problem, variant, shortcut),
    gradWeight: (problem, variant) => {
      if (variant === "matrix")
        throw new RangeError("a weight gradient has no matrix kernel; choose a candidate variant");
      return conv3x3GradWeight(problem, variant);
    },
    pack: packConv3x3,
  },
  conv1x1: {
    forward: (problem, variant, { pooled }) => conv1x1(problem, common(variant), pooled),
    gradInput: (problem, variant) => conv1x1GradInput(problem, common(variant)),
    gradWeight: (problem, variant) => conv1x1GradWeightOf(problem, variant),
    pack: packConv1x1,
  },
  "conv-transpose2x2": {
    forward: (problem, variant) => convTranspose2x2(problem, common(variant)),
    gradInput: (problem, variant) => convTranspose2x2GradInput(problem, common(variant)),
    gradWeight: (problem, variant) => convTranspose2x2GradWeight(problem, tiledOrAlone(variant)),
    pack: packConvTranspose2x2,
  },
};

/** Whether a call's kernel can store the maximum of each 2×2 window besides. */
export const canPool = ({ family, direction }: ConvolutionCall, variant: ConvolutionVariant): boolean =>
  family === "conv1x1" && direction === "forward" && variant !== "plain";

/** The kernel of a call; a weight gradient's has `partials`. */
export function convolutionKernel(
  { family, direction, input, outChannels }: ConvolutionCall,
  variant: ConvolutionVariant,
  { shortcut, pooled = false }: Extras<ConvolutionCall> = {},
): Kernel & { readonly partials?: number } {
  const { forward, gradInput, gradWeight } = families[family];
  const problem = { input, outChannels };
  if (direction === "grad-weight") return gradWeight(problem, variant);
  const image = direction === "forward" ? forward : gradInput;
  const extras = { shortcut: shortcut && shortcutKernel(shortcut), pooled };
  return image(problem, variant === "serial" ? "blocked" : variant, extras);
}

const shortcutKernel = ({ direction, input, outChannels }: ConvolutionCall): Shortcut =>
  direction === "forward"
    ? { channels: input.channels, transposed: false }
    : { channels: outChannels, transposed: true };

/** The variants that read the weight as {@link Family.pack} lays it out. */
const packing: ReadonlySet<ConvolutionVariant> = new Set(["blocked", "serial", "vector"]);

/** The memory layout of a call's weight for a variant; undefined where it is read as it is. */
export function packedLayout(
  { family, direction, input, outChannels }: ConvolutionCall,
  variant: ConvolutionVariant,
): PackedLayout | undefined {
  if (direction === "grad-weight" || !packing.has(variant)) return undefined;
  return families[family].pack(input.channels, outChannels, direction);
}
