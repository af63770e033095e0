import { type ConvolutionProblem, type ImageShape, imageSize, type Kernel } from "../contract/kernel.js";
import { type PackedLayout, packWeight } from "../contract/packing.js";
import { randomArray } from "./close.js";
import type { HostArray } from "./runner.js";

/** A kernel with its input arrays and the length of what it writes to `output` or `partials`. */
export interface Run {
  readonly what: string;
  readonly kernel: Kernel & { readonly partials?: number };
  readonly arrays: Readonly<Record<string, HostArray>>;
  /** Elements of the result; of one partial sum where the kernel writes several. */
  readonly length: number;
}

type Direction = "forward" | "grad-input";

/** A convolution and its gradients, of which every kernel is checked in the same way. */
export interface ConvolutionFamily<Variant extends string, Way extends string> {
  readonly name: string;
  readonly cases: readonly (ConvolutionProblem & { readonly why: string })[];
  /** A problem of the size of a level of the network, on which the variants are compared with the plain kernels. */
  readonly level: ConvolutionProblem;
  /** A small problem, on which f16 storage is checked. */
  readonly small: ConvolutionProblem;
  /**
   * Variants of the output's kernel and of the input gradient's, the plain one first; `blocked`, `looped`,
   * `tiled`, `vector` and `tall` read a packed weight.
   */
  readonly variants: readonly [plain: Variant, ...others: Variant[]];
  /** Variants of the weight gradient's kernel, the plain one first. */
  readonly ways: readonly [plain: Way, ...others: Way[]];
  /** The kernels that have statistics of what they write. */
  readonly withStatistics: readonly ("output" | "gradInput")[];
  readonly output: (problem: ConvolutionProblem, variant: Variant) => Kernel;
  readonly gradInput: (problem: ConvolutionProblem, variant: Variant) => Kernel;
  readonly gradWeight: (problem: ConvolutionProblem, way: Way) => Kernel & { readonly partials: number };
  readonly pack?: (inChannels: number, outChannels: number, direction: Direction, variant: Variant) => PackedLayout;
  readonly outShape: (problem: ConvolutionProblem) => ImageShape;
  readonly weightLength: (problem: ConvolutionProblem) => number;
  readonly reference: (
    input: ArrayLike<number>,
    shape: ImageShape,
    weight: ArrayLike<number>,
    outChannels: number,
  ) => Float64Array;
}

/** A level of the network, which fills many workgroups. */
export const networkLevel: ConvolutionProblem = {
  input: { batch: 2, channels: 16, height: 40, width: 36 },
  outChannels: 24,
};

/** No size divides a block. */
export const smallProblem: ConvolutionProblem = {
  input: { batch: 2, channels: 3, height: 5, width: 6 },
  outChannels: 4,
};

/** The same extents with the output's channels. */
export const withOutChannels = ({ input, outChannels }: ConvolutionProblem): ImageShape => ({
  ...input,
  channels: outChannels,
});

/** Every kernel of a problem on the same random arrays, with references in float64. */
export function runsOf<Variant extends string, Way extends string>(
  family: ConvolutionFamily<Variant, Way>,
  problem: ConvolutionProblem,
) {
  const { name, reference } = family;
  const { input: shape, outChannels } = problem;
  const outShape = family.outShape(problem);
  const input = randomArray(imageSize(shape), 1);
  const weight = randomArray(family.weightLength(problem), 2);
  const gradOutput = randomArray(imageSize(outShape), 3);
  const weightFor = (variant: Variant, direction: Direction): Float32Array =>
    ["blocked", "looped", "tiled", "vector", "tall", "winograd"].includes(variant) && family.pack !== undefined
      ? packWeight(weight, family.pack(shape.channels, outChannels, direction, variant))
      : weight;
  const dot = (a: ArrayLike<number>, b: Float64Array): number =>
    b.reduce((sum, value, i) => sum + value * (a[i] as number), 0);
  const outputOf = (image: ArrayLike<number>, taps: ArrayLike<number> = weight): Float64Array =>
    reference(image, shape, taps, outChannels);
  return {
    shape,
    outShape,
    input,
    weight,
    gradOutput,
    outputOf,
    output: (variant: Variant): Run => ({
      what: `${name}, ${variant}`,
      kernel: family.output(problem, variant),
      arrays: { input, weight: weightFor(variant, "forward") },
      length: imageSize(outShape),
    }),
    gradInput: (variant: Variant): Run => ({
      what: `${name}, input gradient, ${variant}`,
      kernel: family.gradInput(problem, variant),
      arrays: { input: gradOutput, weight: weightFor(variant, "grad-input") },
      length: imageSize(shape),
    }),
    gradWeight: (way: Way): Run => ({
      what: `${name}, weight gradient, ${way}`,
      kernel: family.gradWeight(problem, way),
      arrays: { input, gradOutput },
      length: weight.length,
    }),
    lossOfInput: (point: ArrayLike<number>): number => dot(gradOutput, outputOf(point)),
    lossOfWeight: (point: ArrayLike<number>): number => dot(gradOutput, outputOf(input, point)),
    /** The weight gradient for other images, as the convolution is linear in its weight: Σ gradOutput · output of a unit. */
    gradWeightOf: (images: ArrayLike<number>, gradient: ArrayLike<number>): Float64Array =>
      Float64Array.from(weight, (_, i) =>
        dot(
          gradient,
          outputOf(
            images,
            weight.map((_value, j) => (i === j ? 1 : 0)),
          ),
        ),
      ),
  };
}
