import type { ConvolutionProblem } from "@lobule/kernels-wgsl";
import { constant, f32 } from "../graph/apply.js";
import type { ConvolutionCall, ConvolutionVariant } from "../graph/convolution-call.js";
import { applyKernel, applyKernels, type KernelDefinition } from "../graph/named.js";
import type { Image, Lowering, Tensor } from "../graph/tensor.js";
import { asImage, printShape, type Shape, ShapeError, sizeOf } from "../shape.js";
import { concatChannels } from "./channels.js";
import {
  canPool,
  conv1x1GradWeightOf,
  convolutionKernel,
  packedLayout,
  takesTwoImages,
} from "./convolution-kernels.js";
import { callForSum } from "./partial-sums.js";

/** What the graph needs to know of a family. */
interface Family {
  readonly name: ConvolutionCall["family"];
  /** Weights between a channel and another. */
  readonly taps: number;
  /** Output pixels along an axis for one input pixel. */
  readonly stride: 1 | 2;
  /** Whether the forward kernel can sum what it stores. */
  readonly forwardStore: "store" | "statistics";
  /** Whether an element of the input is loaded for several of the output. */
  readonly rereads: boolean;
  /** Whether the convolution serves to sum. */
  readonly sums: boolean;
}

/** An image and the weight that it meets. */
type Operands = Readonly<Record<"input" | "weight", Tensor>>;

/** Of a convolution and of the gradient with respect to its input alike. */
const flopsOf = ({ taps }: Family, { input, outChannels }: ConvolutionProblem): number =>
  2 * taps * input.batch * input.channels * outChannels * input.height * input.width;

const lowerConvolution =
  (call: ConvolutionCall): KernelDefinition<Operands, Image["shape"], "f32">["lower"] =>
  ({ input, weight }, output, lowering) => {
    const variant = lowering.variant(call);
    const shortcut = lowering.shortcut(output);
    const pooled = canPool(call, variant) ? lowering.pooled(output) : undefined;
    const { split, slots } = inputSlots(call, variant, input, lowering);
    lowering.call({
      kernel: convolutionKernel(call, variant, {
        shortcut: shortcut?.call,
        pooled: pooled !== undefined,
        memory: lowering.workgroupMemory(),
        split,
      }),
      slots: shortcut === undefined ? slots : { ...slots, shortcut: shortcut.x },
      bindings: {
        ...(shortcut && { shortcutWeight: weightFor(lowering, shortcut.call, variant, shortcut.weight) }),
        weight: weightFor(lowering, call, variant, weight),
      },
      output,
      pooled,
      convolution: call,
    });
  };

/** The weight as the variant's kernel reads it. */
function weightFor(lowering: Lowering, call: ConvolutionCall, variant: ConvolutionVariant, weight: Tensor): Tensor {
  const layout = packedLayout(call, variant);
  const name = `${call.family} ${call.direction} ${call.input.channels}→${call.outChannels} ${layout?.kind ?? ""}`;
  return layout === undefined ? weight : lowering.packed([weight], name, () => layout);
}

/** What a kernel reads as its input: two images where it is a concatenation that the variant takes apart. */
function inputSlots(call: ConvolutionCall, variant: ConvolutionVariant, input: Tensor, lowering: Lowering) {
  const [first, second] = lowering.concatenated(input) ?? [];
  if (first === undefined || second === undefined) return { slots: { input } };
  const { channels: split } = asImage(first.shape);
  // So no load has to ask which of them it is of.
  return takesTwoImages(call, variant, split) ? { split, slots: { input: first, second } } : { slots: { input } };
}

const lowerGradWeight =
  ({ name: family }: Family, problem: ConvolutionProblem) =>
  (slots: { readonly input: Tensor; readonly gradOutput: Tensor }, output: Tensor, lowering: Lowering): void => {
    const convolution = { family, direction: "grad-weight", ...problem } as const;
    const variant = lowering.variant(convolution);
    const { split, slots: images } = inputSlots(convolution, variant, slots.input, lowering);
    const kernel = convolutionKernel(convolution, variant, { split });
    callForSum(lowering, output, { kernel, slots: { ...images, gradOutput: slots.gradOutput }, convolution });
  };

function convolution<O extends number>(
  family: Family,
  { input, weight }: Operands,
  problem: ConvolutionProblem & { readonly outChannels: O },
): Image<O> {
  const { batch, height, width } = problem.input;
  const call = { family: family.name, direction: "forward", ...problem } as const;
  return applyKernel({
    name: family.name,
    inputs: { input, weight },
    output: f32([batch, problem.outChannels, height * family.stride, width * family.stride] as const),
    slotInputs: ["input"],
    store: family.forwardStore,
    sums: family.sums,
    rereads: family.rereads,
    convolution: call,
    repeatable: { flops: flopsOf(family, problem) },
    lower: lowerConvolution(call),
    gradient: (gradOutput, inputs) => ({
      input: inputGradient(family, { gradOutput, weight: inputs.weight }, problem),
      weight: weightGradient(family, { input: inputs.input, gradOutput }, inputs.weight.shape, problem),
    }),
  });
}

/**
 * The input gradient of a convolution is linear in the gradient of the output and in the weight alike; its own gradients
 * are the forward convolution and the weight gradient with the parts exchanged.
 */
function inputGradient(
  family: Family,
  { gradOutput, weight }: { readonly gradOutput: Tensor; readonly weight: Tensor },
  problem: ConvolutionProblem,
): Image {
  const { batch, channels, height, width } = problem.input;
  const call = { family: family.name, direction: "grad-input", ...problem } as const;
  return applyKernel({
    name: `${family.name}-grad-input`,
    // The kernel reads the gradient where the forward one reads the input.
    inputs: { input: gradOutput, weight },
    output: f32([batch, channels, height, width] as const),
    slotInputs: ["input"],
    store: "statistics",
    rereads: family.rereads,
    convolution: call,
    repeatable: { flops: flopsOf(family, problem) },
    lower: lowerConvolution(call),
    gradient: (g, inputs) => ({
      input: convolution(family, { input: g, weight: inputs.weight }, problem),
      weight: weightGradient(family, { input: g, gradOutput: inputs.input }, inputs.weight.shape, problem),
    }),
  });
}

const weightGradient = (
  family: Family,
  { input, gradOutput }: { readonly input: Tensor; readonly gradOutput: Tensor },
  shape: Shape,
  problem: ConvolutionProblem,
): Tensor =>
  applyKernel({
    name: `${family.name}-grad-weight`,
    inputs: { input, gradOutput },
    output: f32(shape),
    slotInputs: ["input", "gradOutput"],
    rereads: family.rereads,
    lower: lowerGradWeight(family, problem),
    gradient: (weight, inputs) => ({
      input: inputGradient(family, { gradOutput: inputs.gradOutput, weight }, problem),
      gradOutput: convolution(family, { input: inputs.input, weight }, problem),
    }),
  });

const conv3x3Family: Family = {
  name: "conv3x3",
  taps: 9,
  stride: 1,
  forwardStore: "statistics",
  rereads: true,
  sums: false,
};
const conv1x1Family: Family = {
  name: "conv1x1",
  taps: 1,
  stride: 1,
  forwardStore: "statistics",
  rereads: false,
  sums: false,
};
const convTranspose2x2Family: Family = {
  name: "conv-transpose2x2",
  taps: 4,
  stride: 2,
  forwardStore: "store",
  rereads: false,
  sums: false,
};

/** @throws ShapeError naming x and the weight where they do not fit. */
function problemOf<O extends number>(
  name: string,
  x: Tensor,
  weight: Tensor,
  {
    kernel,
    outChannels,
    inChannels,
    wanted,
  }: {
    readonly kernel: number;
    readonly outChannels: O;
    readonly inChannels: number;
    readonly wanted: string;
  },
): ConvolutionProblem & { readonly outChannels: O } {
  const [, , h, w] = weight.shape;
  if (x.shape.length !== 4) throw new ShapeError(`${name}: x must be [n, c, h, w], got ${printShape(x.shape)}`);
  if (weight.shape.length !== 4 || h !== kernel || w !== kernel) {
    throw new ShapeError(`${name}: weight must be [${wanted}, ${kernel}, ${kernel}], got ${printShape(weight.shape)}`);
  }
  const input = asImage(x.shape);
  if (input.channels !== inChannels) {
    throw new ShapeError(
      `${name}: x has ${input.channels} channels, weight expects ${inChannels} (x ${printShape(x.shape)}, weight ${printShape(weight.shape)})`,
    );
  }
  return { input, outChannels };
}

/** Of a weight [out, in, k, k]. */
const plainProblem = <O extends number>(
  name: string,
  x: Tensor,
  weight: Tensor<readonly [out: O, inChannels: number, h: number, w: number]>,
  kernel: number,
) =>
  problemOf(name, x, weight, { kernel, outChannels: weight.shape[0], inChannels: weight.shape[1], wanted: "out, in" });

/**
 * 3×3 convolution, stride 1, zero padding 1, no bias. x [n, ci, h, w], weight [co, ci, 3, 3] → [n, co, h, w].
 * @throws ShapeError when the channels do not agree.
 */
export const conv3x3 = <I extends number, O extends number>(
  x: Image<I>,
  weight: Tensor<readonly [O, I, 3, 3], "f32">,
): Image<O> => convolution(conv3x3Family, { input: x, weight }, plainProblem("conv3x3", x, weight, 3));

/** 1×1 convolution, no bias. x [n, ci, h, w], weight [co, ci, 1, 1] → [n, co, h, w]. @throws ShapeError as conv3x3. */
export const conv1x1 = <I extends number, O extends number>(
  x: Image<I>,
  weight: Tensor<readonly [O, I, 1, 1], "f32">,
): Image<O> => convolution(conv1x1Family, { input: x, weight }, plainProblem("conv1x1", x, weight, 1));

/** Σ over channels, kept in f32. x [n, c, h, w] → [n, 1, h, w]. */
export function sumChannels(x: Tensor): Image<1> {
  const { channels } = asImage(x.shape);
  const weight = constant(new Float32Array(channels).fill(1), [1, channels, 1, 1]);
  const family: Family = { ...conv1x1Family, sums: true };
  return convolution(family, { input: x, weight }, plainProblem("sumChannels", x, weight, 1));
}

/**
 * Transposed convolution, kernel 2, stride 2, no bias: each input pixel becomes a 2×2 block.
 * x [n, ci, h, w], weight [ci, co, 2, 2] → [n, co, 2h, 2w]. @throws ShapeError as conv3x3.
 */
export function convTranspose2x2<I extends number, O extends number>(
  x: Image<I>,
  weight: Tensor<readonly [I, O, 2, 2], "f32">,
): Image<O> {
  const [inChannels, outChannels] = weight.shape;
  const problem = problemOf("convTranspose2x2", x, weight, { kernel: 2, outChannels, inChannels, wanted: "in, out" });
  return convolution(convTranspose2x2Family, { input: x, weight }, problem);
}

/**
 * ∂weight of two convolutions conv1x1(x, weight) of equal extents whose outputs have one gradient: by one kernel that reads
 * the concatenated inputs, or by two where the branch in each of its loads costs more than another dispatch: as measured
 * on lavapipe. a, b [n, ci, h, w], gradOutput [n, co, h, w] → [co, ci, 1, 1] each.
 */
export function conv1x1WeightGradients({ a, b, gradOutput }: Readonly<Record<"a" | "b" | "gradOutput", Tensor>>) {
  const outChannels = asImage(gradOutput.shape).channels;
  const weight = f32([outChannels, asImage(a.shape).channels, 1, 1]);
  const length = sizeOf(weight.shape);
  const problemFor = (x: Tensor): ConvolutionProblem => ({ input: asImage(x.shape), outChannels });
  return applyKernels({
    name: "conv1x1-grad-weights",
    inputs: { both: concatChannels(a, b), gradOutput, a, b },
    outputs: { a: weight, b: weight },
    slotInputs: ["both", "gradOutput", "a", "b"],
    lower: (inputs, outputs, lowering) => {
      if (lowering.reduction() !== "parallel") {
        for (const name of ["a", "b"] as const) {
          const slots = { input: inputs[name], gradOutput: inputs.gradOutput };
          lowerGradWeight(conv1x1Family, problemFor(inputs[name]))(slots, outputs[name], lowering);
        }
        return;
      }
      const problem = problemFor(inputs.both);
      const call = { family: "conv1x1", direction: "grad-weight", ...problem } as const;
      const variant = lowering.variant(call);
      const { split, slots } = inputSlots(call, variant, inputs.both, lowering);
      const kernel = conv1x1GradWeightOf(problem, variant, { weights: 2, split });
      const partials = lowering.scratch([kernel.partials, 2 * length]);
      const { gradOutput: ofBoth } = inputs;
      lowering.call({ kernel, slots: { ...slots, gradOutput: ofBoth }, bindings: { partials }, convolution: call });
      const segment = { partialStride: 2 * length, elementStride: 1, length, count: kernel.partials };
      lowering.sum(partials, outputs.a, { ...segment, partialOffset: 0 });
      lowering.sum(partials, outputs.b, { ...segment, partialOffset: length });
    },
  });
}
