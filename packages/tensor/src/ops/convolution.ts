import type { ImageShape } from "@lobule/kernels-wgsl";
import { canPool, conv1x1GradWeightOf, convolutionKernel, packedLayout } from "../compiler/convolution-kernels.js";
import type { ConvolutionCall, ConvolutionVariant } from "../compiler/convolution-variants.js";
import type { Lowering } from "../compiler/lowering.js";
import { apply, applyOne, constant, type Image, type Tensor } from "../graph/tensor.js";
import { asImage, printShape, ShapeError, sizeOf } from "../shape.js";
import { concatChannels } from "./channels.js";

/** What the graph needs to know of a family. */
interface Family {
  readonly name: ConvolutionCall["family"];
  /** Weights between a channel and another. */
  readonly taps: number;
  /** Output pixels along an axis for one input pixel. */
  readonly stride: 1 | 2;
  /** Whether the forward kernel can sum what it stores. */
  readonly forwardStore: "store" | "statistics";
  /** Set where an element of the input is loaded for several of the output. */
  readonly rereads?: boolean;
  /** Set where the convolution serves to sum. */
  readonly sums?: boolean;
}

interface Problem {
  readonly input: ImageShape;
  readonly outChannels: number;
}

/** Of a convolution and of the gradient with respect to its input alike. */
const flopsOf = ({ taps }: Family, { input, outChannels }: Problem): number =>
  2 * taps * input.batch * input.channels * outChannels * input.height * input.width;

const lowerConvolution =
  ({ name: family }: Family, problem: Problem, direction: "forward" | "grad-input") =>
  (lowering: Lowering, [x, weight]: readonly Tensor[], [output]: readonly Tensor[]): void => {
    const call = { family, direction, ...problem };
    const variant = lowering.variant(call);
    const shortcut = lowering.shortcut(output as Tensor);
    const beside = shortcut && {
      slots: { shortcut: shortcut.x },
      bindings: { shortcutWeight: weightFor(lowering, shortcut.call, variant, shortcut.weight) },
    };
    const pooled = canPool(call, variant) ? lowering.pooled(output as Tensor) : undefined;
    lowering.call({
      kernel: convolutionKernel(call, variant, { shortcut: shortcut?.call, pooled: pooled !== undefined }),
      slots: { input: x as Tensor, ...beside?.slots },
      bindings: {
        ...{ weight: weightFor(lowering, call, variant, weight as Tensor), ...beside?.bindings },
        ...(pooled && { pooled }),
      },
      output: output as Tensor,
    });
  };

/** The weight as the variant's kernel reads it. */
function weightFor(lowering: Lowering, call: ConvolutionCall, variant: ConvolutionVariant, weight: Tensor): Tensor {
  const layout = packedLayout(call, variant);
  const name = `${call.family} ${call.direction} ${call.input.channels}→${call.outChannels}`;
  return layout === undefined ? weight : lowering.packed([weight], name, () => layout);
}

const lowerGradWeight =
  ({ name: family }: Family, problem: Problem) =>
  (lowering: Lowering, [x, gradOutput]: readonly Tensor[], [output]: readonly Tensor[]): void => {
    const call = { family, direction: "grad-weight", ...problem } as const;
    const kernel = convolutionKernel(call, lowering.variant(call));
    const { partials: count = 1 } = kernel;
    const length = sizeOf((output as Tensor).shape);
    const slots = { input: x as Tensor, gradOutput: gradOutput as Tensor };
    if (count === 1) {
      lowering.call({ kernel, slots, bindings: { partials: output as Tensor } });
      return;
    }
    const partials = lowering.scratch([count, length]);
    lowering.call({ kernel, slots, bindings: { partials } });
    const segment = { partialOffset: 0, partialStride: length, elementStride: 1, length, count };
    lowering.sum(partials, output as Tensor, segment);
  };

function convolution(family: Family, x: Tensor, weight: Tensor, problem: Problem): Tensor {
  const { batch, height, width } = problem.input;
  const shape = [batch, problem.outChannels, height * family.stride, width * family.stride] as const;
  return applyOne(
    {
      kind: "kernel",
      name: family.name,
      slotInputs: [0],
      store: family.forwardStore,
      ...(family.sums === true ? { sums: true } : {}),
      ...(family.rereads === true ? { rereads: true } : {}),
      convolution: { family: family.name, direction: "forward", ...problem },
      repeatable: { flops: flopsOf(family, problem) },
      lower: lowerConvolution(family, problem, "forward"),
      gradient: ([g]) =>
        g === undefined
          ? []
          : [inputGradient(family, problem, g, weight), weightGradient(family, problem, x, g, weight)],
    },
    [x, weight],
    shape,
  );
}

/**
 * ∂x of a convolution is linear in the gradient and the weight alike; its own gradients are the forward convolution
 * and the weight gradient with the parts exchanged.
 */
function inputGradient(family: Family, problem: Problem, gradOutput: Tensor, weight: Tensor): Tensor {
  const { batch, channels, height, width } = problem.input;
  return applyOne(
    {
      kind: "kernel",
      name: `${family.name}-grad-input`,
      slotInputs: [0],
      store: "statistics",
      ...(family.rereads === true ? { rereads: true } : {}),
      convolution: { family: family.name, direction: "grad-input", ...problem },
      repeatable: { flops: flopsOf(family, problem) },
      lower: lowerConvolution(family, problem, "grad-input"),
      gradient: ([g]) =>
        g === undefined
          ? []
          : [convolution(family, g, weight, problem), weightGradient(family, problem, g, gradOutput, weight)],
    },
    [gradOutput, weight],
    [batch, channels, height, width] as const,
  );
}

function weightGradient(family: Family, problem: Problem, x: Tensor, gradOutput: Tensor, weight: Tensor): Tensor {
  return applyOne(
    {
      kind: "kernel",
      name: `${family.name}-grad-weight`,
      slotInputs: [0, 1],
      ...(family.rereads === true ? { rereads: true } : {}),
      lower: lowerGradWeight(family, problem),
      gradient: ([g]) =>
        g === undefined ? [] : [inputGradient(family, problem, gradOutput, g), convolution(family, x, g, problem)],
    },
    [x, gradOutput],
    weight.shape,
  );
}

const conv3x3Family: Family = { name: "conv3x3", taps: 9, rereads: true, stride: 1, forwardStore: "statistics" };
const conv1x1Family: Family = { name: "conv1x1", taps: 1, stride: 1, forwardStore: "statistics" };
const convTranspose2x2Family: Family = { name: "conv-transpose2x2", taps: 4, stride: 2, forwardStore: "store" };

function problemOf(name: string, x: Tensor, weight: Tensor, kernel: number, channelsFirst: "out" | "in"): Problem {
  const [first = 0, second = 0, h, w] = weight.shape;
  const [outChannels, inChannels] = channelsFirst === "out" ? [first, second] : [second, first];
  const wanted = channelsFirst === "out" ? `[out, in, ${kernel}, ${kernel}]` : `[in, out, ${kernel}, ${kernel}]`;
  if (x.shape.length !== 4) throw new ShapeError(`${name}: x must be [n, c, h, w], got ${printShape(x.shape)}`);
  if (weight.shape.length !== 4 || h !== kernel || w !== kernel) {
    throw new ShapeError(`${name}: weight must be ${wanted}, got ${printShape(weight.shape)}`);
  }
  const input = asImage(x.shape);
  if (input.channels !== inChannels) {
    throw new ShapeError(
      `${name}: x has ${input.channels} channels, weight expects ${inChannels} (x ${printShape(x.shape)}, weight ${printShape(weight.shape)})`,
    );
  }
  return { input, outChannels };
}

/**
 * 3×3 convolution, stride 1, zero padding 1, no bias. x [n, ci, h, w], weight [co, ci, 3, 3] → [n, co, h, w].
 * @throws ShapeError when the channels do not agree.
 */
export function conv3x3<I extends number, O extends number>(
  x: Image<I>,
  weight: Tensor<readonly [O, I, 3, 3], "f32">,
): Image<O> {
  return convolution(conv3x3Family, x, weight, problemOf("conv3x3", x, weight, 3, "out")) as Image<O>;
}

/** 1×1 convolution, no bias. x [n, ci, h, w], weight [co, ci, 1, 1] → [n, co, h, w]. @throws ShapeError as conv3x3. */
export function conv1x1<I extends number, O extends number>(
  x: Image<I>,
  weight: Tensor<readonly [O, I, 1, 1], "f32">,
): Image<O> {
  return convolution(conv1x1Family, x, weight, problemOf("conv1x1", x, weight, 1, "out")) as Image<O>;
}

/** Σ over channels, kept in f32. x [n, c, h, w] → [n, 1, h, w]. */
export function sumChannels(x: Tensor): Tensor {
  const ones = constant(Array<number>(asImage(x.shape).channels).fill(1), [1, asImage(x.shape).channels, 1, 1]);
  return convolution({ ...conv1x1Family, sums: true }, x, ones, problemOf("sumChannels", x, ones, 1, "out"));
}

/**
 * Transposed convolution, kernel 2, stride 2, no bias: each input pixel becomes a 2×2 block.
 * x [n, ci, h, w], weight [ci, co, 2, 2] → [n, co, 2h, 2w]. @throws ShapeError as conv3x3.
 */
export function convTranspose2x2<I extends number, O extends number>(
  x: Image<I>,
  weight: Tensor<readonly [I, O, 2, 2], "f32">,
): Image<O> {
  return convolution(convTranspose2x2Family, x, weight, problemOf("convTranspose2x2", x, weight, 2, "in")) as Image<O>;
}

/**
 * ∂weight of two convolutions conv1x1(x, weight) of equal extents whose outputs have one gradient: by one kernel that reads
 * the concatenated inputs, or by two where the branch in each of its loads costs more than another dispatch, as measured
 * on lavapipe. xs [n, ci, h, w], gradOutput [n, co, h, w] → [co, ci, 1, 1] each.
 */
export function conv1x1WeightGradients(xs: readonly [Tensor, Tensor], gradOutput: Tensor): readonly Tensor[] {
  const outChannels = asImage(gradOutput.shape).channels;
  const shape = [outChannels, asImage(xs[0].shape).channels, 1, 1] as const;
  const length = sizeOf(shape);
  const alone = (x: Tensor): Problem => ({ input: asImage(x.shape), outChannels });
  return apply(
    {
      kind: "kernel",
      name: "conv1x1-grad-weights",
      slotInputs: [0, 1, 2, 3],
      lower: (lowering, inputs, outputs) => {
        const [both, gradient, ...each] = inputs as [Tensor, Tensor, ...Tensor[]];
        if (lowering.reduction() !== "parallel") {
          each.forEach((x, i) => {
            lowerGradWeight(conv1x1Family, alone(x))(lowering, [x, gradient], [outputs[i] as Tensor]);
          });
          return;
        }
        const problem = alone(both);
        const variant = lowering.variant({ family: "conv1x1", direction: "grad-weight", ...problem });
        const kernel = conv1x1GradWeightOf(problem, variant, 2);
        const partials = lowering.scratch([kernel.partials, 2 * length]);
        lowering.call({ kernel, slots: { input: both, gradOutput: gradient }, bindings: { partials } });
        const segment = { partialStride: 2 * length, elementStride: 1, length, count: kernel.partials };
        outputs.forEach((output, i) => {
          lowering.sum(partials, output, { ...segment, partialOffset: i * length });
        });
      },
    },
    [concatChannels(...xs), gradOutput, ...xs],
    xs.map(() => ({ shape, dtype: "f32" })),
  );
}
