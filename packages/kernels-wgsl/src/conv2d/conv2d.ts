import {
  type ConvolutionProblem,
  ceilDivide,
  foldWorkgroups,
  type ImageShape,
  imageSize,
  type Kernel,
  type Reduction,
} from "../contract/kernel.js";
import { noWeight, type PackedLayout, packBlocks, planWeight } from "../contract/packing.js";
import {
  splitPixels,
  sumLanes,
  wantedPartials,
  wantedSerialPartials,
  wantedSubgroupPartials,
} from "../contract/partial-sums.js";
import { withSerialSums, withSubgroupSums } from "../transforms/lane-sums.js";
import { withStoreLoop } from "../transforms/store-loop.js";
import { withWeightAccess } from "../transforms/weights.js";
import source from "./conv2d.wgsl.js";
import gradInputSource from "./conv2d-grad-input.wgsl.js";
import gradWeightSource from "./conv2d-grad-weight.wgsl.js";

/** How a convolution moves over its input; pairs are of rows, then of columns. */
export interface Conv2dWindow {
  /** Extents of the weight, at least 1. */
  readonly kernel: readonly [height: number, width: number];
  /** Pixels of the input from one of the output to the next, at least 1. */
  readonly stride: readonly [y: number, x: number];
  /** Zeros before the first row and column and after the last, fewer than the kernel's extents. */
  readonly padding: readonly [y: number, x: number];
}

/** A convolution of any window. */
export interface Conv2dProblem extends ConvolutionProblem, Conv2dWindow {}

/** `blocked` for GPUs; `looped` stores in a loop, for adapters that compile on the CPU. */
export type Conv2dVariant = "blocked" | "looped";

const lanes = 64;
const channelBlock = 8;

/** The output's extents: ⌊(extent + 2·padding − kernel) / stride⌋ + 1 along each axis; below 1 where the kernel does not fit. */
export function conv2dShape({ input, outChannels, kernel, stride, padding }: Conv2dProblem): ImageShape {
  const along = (extent: number, axis: 0 | 1): number =>
    Math.floor((extent + 2 * padding[axis] - kernel[axis]) / stride[axis]) + 1;
  return { batch: input.batch, channels: outChannels, height: along(input.height, 0), width: along(input.width, 1) };
}

const tapsOf = ({ kernel: [height, width] }: Conv2dWindow): number => height * width;

/** Two FLOPs a tap of each element of the output; the images and the weight once. */
function costOf(problem: Conv2dProblem) {
  const output = conv2dShape(problem);
  const weight = output.channels * problem.input.channels * tapsOf(problem);
  return {
    flops: 2 * imageSize(output) * problem.input.channels * tapsOf(problem),
    bytes: 4 * (imageSize(problem.input) + imageSize(output) + weight),
  };
}

const windowSizes = ({ kernel, stride, padding }: Conv2dWindow) => ({
  kernelHeight: kernel[0],
  kernelWidth: kernel[1],
  strideY: stride[0],
  strideX: stride[1],
  padY: padding[0],
  padX: padding[1],
});

/** Extents of the image that a kernel reads, and of the one that it writes. */
const imageSizes = (read: ImageShape, written: ImageShape) => ({
  inChannels: read.channels,
  outChannels: written.channels,
  height: read.height,
  width: read.width,
  outHeight: written.height,
  outWidth: written.width,
});

const planOf = (readChannels: number, writtenChannels: number, taps: number) =>
  planWeight(readChannels * taps * channelBlock, ceilDivide(writtenChannels, channelBlock));

const textOf = (text: string, variant: Conv2dVariant): string => (variant === "looped" ? withStoreLoop(text) : text);

/**
 * Convolution of any kernel, stride and zero padding, no bias: input [n, ci, h, w] → output [n, co, h', w'], see
 * {@link conv2dShape}.
 *
 * output[n, co, y, x] = Σ over ci, ky, kx of weight[co, ci, ky, kx] · input[n, ci, y·sy + ky − py, x·sx + kx − px]
 *
 * Slots Input and Output. `weight` is packed `forward`.
 */
export function conv2d(problem: Conv2dProblem, variant: Conv2dVariant): Kernel {
  const output = conv2dShape(problem);
  const quarter = ceilDivide(output.height * output.width, 4);
  const tiles = output.batch * quarter;
  const plan = planOf(problem.input.channels, output.channels, tapsOf(problem));
  const sizes = { ...imageSizes(problem.input, output), ...windowSizes(problem), quarter, tiles };
  return {
    name: `conv2d-${variant}`,
    source: withWeightAccess(textOf(source, variant), plan.access),
    launches: [
      {
        sizes: { ...sizes, blockChannels: channelBlock },
        workgroups: [...foldWorkgroups(ceilDivide(tiles, lanes)), plan.blocks],
      },
    ],
    ...costOf(problem),
  };
}

/**
 * Input gradient of {@link conv2d}, which is the transposed convolution of the same weight: gradOutput [n, co, h', w'] →
 * [n, ci, h, w].
 *
 * gradInput[n, ci, y, x] = Σ over co, ky, kx, y', x' with y'·sy + ky − py = y and x'·sx + kx − px = x of
 * weight[co, ci, ky, kx] · gradOutput[n, co, y', x']
 *
 * Slots Input (reads gradOutput) and Output (writes the gradient). `weight` is packed `grad-input`.
 */
export function conv2dGradInput(problem: Conv2dProblem, variant: Conv2dVariant): Kernel {
  const { input, stride, padding } = problem;
  const phaseHeight = ceilDivide(input.height + padding[0], stride[0]);
  const phaseWidth = ceilDivide(input.width + padding[1], stride[1]);
  const quarter = ceilDivide(phaseHeight * phaseWidth, 4);
  const tiles = input.batch * quarter;
  const groups = ceilDivide(tiles, lanes);
  const plan = planOf(problem.outChannels, input.channels, tapsOf(problem));
  const phases = { phaseHeight, phaseWidth, quarter, tiles, groups };
  const sizes = { ...imageSizes(conv2dShape(problem), input), ...windowSizes(problem), ...phases };
  return {
    name: `conv2d-grad-input-${variant}`,
    source: withWeightAccess(textOf(gradInputSource, variant), plan.access),
    launches: [
      {
        sizes: { ...sizes, blockChannels: channelBlock },
        workgroups: [...foldWorkgroups(groups * stride[0] * stride[1]), plan.blocks],
      },
    ],
    ...costOf(problem),
  };
}

/**
 * Layout of the weight [co, ci, ky, kx]: [blocks of 8 written channels, read channels, ky, kx, 8]. `forward` writes co and
 * reads ci, `grad-input` the other way round.
 */
export function packConv2d(
  inChannels: number,
  outChannels: number,
  direction: "forward" | "grad-input",
  kernel: Conv2dWindow["kernel"],
): PackedLayout {
  const taps = kernel[0] * kernel[1];
  const forward = direction === "forward";
  const written = forward ? outChannels : inChannels;
  return packBlocks(planOf(forward ? inChannels : outChannels, written, taps), (block, element) => {
    const writes = block * channelBlock + (element % channelBlock);
    const tap = Math.floor(element / channelBlock) % taps;
    const reads = Math.floor(element / channelBlock / taps);
    if (writes >= written) return noWeight;
    const [co, ci] = forward ? [writes, reads] : [reads, writes];
    return (co * inChannels + ci) * taps + tap;
  });
}

/**
 * Weight gradient of {@link conv2d}, as `partials` sums [partials, co, ci, ky, kx] that remain to be summed.
 *
 * gradWeight[co, ci, ky, kx] = Σ over n, y, x of gradOutput[n, co, y, x] · input[n, ci, y·sy + ky − py, x·sx + kx − px]
 *
 * Slots Input and GradOutput.
 */
export function conv2dGradWeight(problem: Conv2dProblem, reduction: Reduction): Kernel & { readonly partials: number } {
  const output = conv2dShape(problem);
  const taps = tapsOf(problem);
  const { source: text, wanted, perGroup } = sharings[reduction];
  const inBlocks = ceilDivide(problem.input.channels, channelBlock);
  const outBlocks = ceilDivide(output.channels, channelBlock);
  const pixels = output.height * output.width;
  const elements = output.channels * problem.input.channels * taps;
  const most = wanted(inBlocks * outBlocks * taps, elements, output.batch * pixels);
  const { partials, segments, segmentLength } = splitPixels(output.batch, pixels, most);
  const split = { segments, segmentLength, totalSegments: output.batch * segments, partialCount: partials };
  return {
    name: reduction === "parallel" ? "conv2d-grad-weight" : `conv2d-grad-weight-${reduction}`,
    source: text,
    launches: [
      {
        sizes: { ...imageSizes(problem.input, output), ...windowSizes(problem), inBlocks, outBlocks, ...split },
        workgroups: [...foldWorkgroups(ceilDivide(partials * inBlocks * outBlocks * taps, perGroup)), 1],
      },
    ],
    ...costOf(problem),
    partials,
  };
}

/** How many sums a workgroup makes, and how many are worth having. */
const sharings = {
  parallel: { source: gradWeightSource, wanted: wantedPartials, perGroup: 1 },
  subgroup: { source: withSubgroupSums(gradWeightSource), wanted: wantedSubgroupPartials, perGroup: sumLanes / 8 },
  serial: { source: withSerialSums(gradWeightSource), wanted: wantedSerialPartials, perGroup: sumLanes },
} as const;
