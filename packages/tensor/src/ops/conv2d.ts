import {
  type Conv2dProblem,
  conv2dShape,
  conv2d as forwardKernel,
  conv2dGradInput as gradInputKernel,
  conv2dGradWeight as gradWeightKernel,
  packConv2d,
} from "@lobule/kernels-wgsl";
import { f32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Image, Lowering, Tensor } from "../graph/tensor.js";
import { asImage, printShape, ShapeError } from "../shape.js";
import { conv1x1, conv3x3, convTranspose2x2 } from "./convolution.js";
import { callForSum } from "./partial-sums.js";

/** How a convolution moves over an image; pairs are of rows, then of columns. */
export interface Conv2dOptions {
  /** Pixels from one that the kernel is laid on to the next; [1, 1] by default. */
  readonly stride?: readonly [y: number, x: number];
  /** Zeros before and after the image; none by default. */
  readonly padding?: readonly [y: number, x: number];
}

/** A weight; the first extent is the output's channels, but for transposed convolutions. */
type Weight<A extends number, B extends number, K extends number = number> = Tensor<readonly [A, B, K, K], "f32">;

/**
 * Convolution of any kernel, stride and zero padding, no bias. x [n, ci, h, w], weight [co, ci, kh, kw] →
 * [n, co, ⌊(h + 2·py − kh)/sy⌋ + 1, ⌊(w + 2·px − kw)/sx⌋ + 1], as PyTorch's conv2d.
 * @throws ShapeError when the channels do not agree, or the kernel is larger than the padded image.
 */
export function conv2d<I extends number, O extends number>(
  x: Image<I>,
  weight: Weight<O, I>,
  { stride = [1, 1], padding = [0, 0] }: Conv2dOptions = {},
): Image<O> {
  const [outChannels, inChannels, height, width] = checkedWeight("conv2d", weight, { stride, padding });
  const input = asImage(x.shape);
  requireChannels("conv2d", x, weight, inChannels);
  const problem = { input, outChannels, kernel: [height, width], stride, padding } as const;
  const output = conv2dShape(problem);
  if (output.height < 1 || output.width < 1) {
    throw new ShapeError(
      `conv2d: the kernel of weight ${printShape(weight.shape)} is larger than x ${printShape(x.shape)} with its padding [${padding.join(", ")}]`,
    );
  }
  if (hasSide(weight, 3) && isSquare(stride, 1) && isSquare(padding, 1)) return conv3x3(x, weight);
  if (hasSide(weight, 1) && isSquare(stride, 1) && isSquare(padding, 0)) return conv1x1(x, weight);
  return convolution({ input: x, weight }, problem);
}

/**
 * Transposed convolution of any kernel, stride and zero padding, no bias: the input gradient of the convolution of the same
 * weight. x [n, ci, h, w], weight [ci, co, kh, kw] → [n, co, (h − 1)·sy − 2·py + kh, (w − 1)·sx − 2·px + kw], as PyTorch's
 * conv_transpose2d.
 * @throws ShapeError when the channels do not agree, or padding leaves nothing of the output.
 */
export function convTranspose2d<I extends number, O extends number>(
  x: Image<I>,
  weight: Weight<I, O>,
  { stride = [1, 1], padding = [0, 0] }: Conv2dOptions = {},
): Image<O> {
  const [inChannels, outChannels, height, width] = checkedWeight("convTranspose2d", weight, { stride, padding });
  const image = asImage(x.shape);
  requireChannels("convTranspose2d", x, weight, inChannels);
  const along = (extent: number, axis: 0 | 1, kernel: number): number =>
    (extent - 1) * stride[axis] - 2 * padding[axis] + kernel;
  const output = {
    batch: image.batch,
    channels: outChannels,
    height: along(image.height, 0, height),
    width: along(image.width, 1, width),
  };
  if (output.height < 1 || output.width < 1) {
    throw new ShapeError(
      `convTranspose2d: the padding [${padding.join(", ")}] leaves nothing of what x ${printShape(x.shape)} and weight ${printShape(weight.shape)} give`,
    );
  }
  const problem = { input: output, outChannels: inChannels, kernel: [height, width], stride, padding } as const;
  if (hasSide(weight, 2) && isSquare(stride, 2) && isSquare(padding, 0)) return convTranspose2x2(x, weight);
  return inputGradient({ input: x, weight }, problem, outChannels);
}

type Operands = { readonly input: Tensor; readonly weight: Tensor };
type Pair = readonly [number, number];

/** The weight's extents. @throws ShapeError when it has not four, or a setting is no whole number in its range. */
function checkedWeight<A extends number, B extends number>(
  name: string,
  { shape }: Weight<A, B>,
  { stride, padding }: Required<Conv2dOptions>,
) {
  if (shape.length !== 4) throw new ShapeError(`${name}: weight must have four extents, got ${printShape(shape)}`);
  const whole = (pair: Pair, least: number): boolean =>
    pair.every((each) => Number.isSafeInteger(each) && each >= least);
  if (!whole(stride, 1))
    throw new ShapeError(`${name}: strides must be whole and positive, got [${stride.join(", ")}]`);
  if (!whole(padding, 0) || padding[0] >= shape[2] || padding[1] >= shape[3]) {
    throw new ShapeError(
      `${name}: padding must be whole and less than the kernel's extents, got [${padding.join(", ")}] for ${printShape(shape)}`,
    );
  }
  return shape;
}

function requireChannels(name: string, x: Tensor, weight: Tensor, expected: number): void {
  const { channels } = asImage(x.shape);
  if (x.shape.length === 4 && channels === expected) return;
  throw new ShapeError(
    `${name}: x has ${channels} channels, weight expects ${expected} (x ${printShape(x.shape)}, weight ${printShape(weight.shape)})`,
  );
}

const hasSide = <A extends number, B extends number, K extends number>(
  weight: Weight<A, B>,
  side: K,
): weight is Weight<A, B, K> => weight.shape[2] === side && weight.shape[3] === side;

const isSquare = ([first, second]: Pair, side: number): boolean => first === side && second === side;

const variantFor = (lowering: Lowering) => (lowering.reduction() === "parallel" ? "blocked" : "looped");

const keyOf = ({ stride, padding }: Conv2dProblem): string => `stride ${stride.join(" ")} padding ${padding.join(" ")}`;

/** The weight as the kernels of images read it. */
function packed(
  lowering: Lowering,
  weight: Tensor,
  direction: "forward" | "grad-input",
  problem: Conv2dProblem,
): Tensor {
  const { input, outChannels, kernel } = problem;
  const name = `conv2d ${direction} ${kernel.join("×")} ${input.channels}→${outChannels}`;
  return lowering.packed([weight], name, () => packConv2d(input.channels, outChannels, direction, kernel));
}

function convolution<O extends number>(
  inputs: Operands,
  problem: Conv2dProblem & { readonly outChannels: O },
): Image<O> {
  const { batch, height, width } = conv2dShape(problem);
  return applyKernel({
    name: "conv2d",
    key: keyOf(problem),
    inputs,
    output: f32([batch, problem.outChannels, height, width] as const),
    slotInputs: ["input"],
    store: "store",
    rereads: true,
    repeatable: { flops: forwardKernel(problem, "blocked").flops },
    lower: ({ input, weight }, output, lowering) =>
      lowering.call({
        kernel: forwardKernel(problem, variantFor(lowering)),
        slots: { input },
        bindings: { weight: packed(lowering, weight, "forward", problem) },
        output,
      }),
    gradient: (gradOutput, { input, weight }) => ({
      input: inputGradient({ input: gradOutput, weight }, problem, problem.input.channels),
      weight: weightGradient(input, gradOutput, problem),
    }),
  });
}

/** Reads the gradient of the output where the forward kernel reads the input; linear in it and in the weight alike. */
function inputGradient<C extends number>(inputs: Operands, problem: Conv2dProblem, channels: C): Image<C> {
  const { batch, height, width } = problem.input;
  return applyKernel({
    name: "conv2d-grad-input",
    key: keyOf(problem),
    inputs,
    output: f32([batch, channels, height, width] as const),
    slotInputs: ["input"],
    store: "store",
    rereads: true,
    repeatable: { flops: gradInputKernel(problem, "blocked").flops },
    lower: ({ input, weight }, output, lowering) =>
      lowering.call({
        kernel: gradInputKernel(problem, variantFor(lowering)),
        slots: { input },
        bindings: { weight: packed(lowering, weight, "grad-input", problem) },
        output,
      }),
    gradient: (g, { input, weight }) => ({
      input: convolution({ input: g, weight }, problem),
      weight: weightGradient(g, input, problem),
    }),
  });
}

function weightGradient(input: Tensor, gradOutput: Tensor, problem: Conv2dProblem): Tensor {
  return applyKernel({
    name: "conv2d-grad-weight",
    key: keyOf(problem),
    inputs: { input, gradOutput },
    output: f32([problem.outChannels, problem.input.channels, ...problem.kernel]),
    slotInputs: ["input", "gradOutput"],
    rereads: true,
    lower: (slots, output, lowering) =>
      callForSum(lowering, output, { kernel: gradWeightKernel(problem, lowering.reduction()), slots }),
    gradient: (weight, inputs) => ({
      input: inputGradient({ input: inputs.gradOutput, weight }, problem, problem.input.channels),
      gradOutput: convolution({ input: inputs.input, weight }, problem),
    }),
  });
}
