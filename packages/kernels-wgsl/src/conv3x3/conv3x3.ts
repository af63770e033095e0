import { ceilDivide, foldWorkgroups, type ImageShape, imageSize, type Kernel } from "../shared/kernel.js";
import {
  launchBlocks,
  noWeight,
  type PackedLayout,
  packBlocks,
  planUniformWeight,
  uniformWeightBytes,
  type WeightPlan,
} from "../shared/packing.js";
import { sumLanes, wantedPartials, wantedSerialPartials } from "../shared/partial-sums.js";
import plainSource from "./conv3x3.wgsl.js";
import blockedSource from "./conv3x3-blocked.wgsl.js";
import blockedStorageSource from "./conv3x3-blocked-storage.wgsl.js";
import gradWeightSource from "./conv3x3-grad-weight.wgsl.js";
import gradWeightBlockedSource from "./conv3x3-grad-weight-blocked.wgsl.js";
import gradWeightSerialSource from "./conv3x3-grad-weight-serial.wgsl.js";

/** A 3×3 convolution, stride 1, zero padding 1: input [n, ci, h, w], weight [co, ci, 3, 3] → [n, co, h, w]. */
export interface Conv3x3Problem {
  readonly input: ImageShape;
  readonly outChannels: number;
}

/**
 * `plain` reads the weight as it is, from storage; `blocked` computes 8 channels × 4 rows × 2 columns an invocation and
 * reads the weight as {@link packConv3x3} lays it out.
 */
export type Conv3x3Variant = "plain" | "blocked";

const lanes = 64;
const channelBlock = 8;

const flopsOf = ({ input, outChannels }: Conv3x3Problem): number => 18 * imageSize(input) * outChannels;

const bytesOf = ({ input, outChannels }: Conv3x3Problem): number =>
  4 * (imageSize(input) + imageSize({ ...input, channels: outChannels }) + 9 * input.channels * outChannels);

/** Blocks of 8 output channels: in a uniform buffer where one fits, else all of them in one storage buffer. */
function planWeight(inChannels: number, outChannels: number): WeightPlan & { readonly storage: boolean } {
  const blockLength = inChannels * 9 * channelBlock;
  const blocks = ceilDivide(outChannels, channelBlock);
  if (blockLength * 4 <= uniformWeightBytes) {
    return { ...planUniformWeight("conv3x3-blocked", blockLength, blocks), storage: false };
  }
  return { blockLength, blocks, blocksPerLaunch: blocks, launchLength: blocks * blockLength, storage: true };
}

function blocked(problem: Conv3x3Problem): Kernel {
  const { batch, channels, height, width } = problem.input;
  const plan = planWeight(channels, problem.outChannels);
  const rowTiles = ceilDivide(height, 4);
  const columnTiles = ceilDivide(width, 2);
  const tiles = batch * rowTiles * columnTiles;
  const groups = ceilDivide(tiles, lanes);
  const sizes = {
    inChannels: channels,
    outChannels: problem.outChannels,
    height,
    width,
    rowTiles,
    columnTiles,
    tiles,
    groups,
  };
  return {
    name: plan.storage ? "conv3x3-blocked-storage" : "conv3x3-blocked",
    source: plan.storage ? blockedStorageSource : blockedSource,
    launches: launchBlocks(plan, foldWorkgroups(groups), sizes),
    flops: flopsOf(problem),
    bytes: bytesOf(problem),
    statistics: { partials: groups },
  };
}

function plain(problem: Conv3x3Problem, strides: { outStride: number; inStride: number; flip: number }): Kernel {
  const { batch, channels, height, width } = problem.input;
  const groups = ceilDivide(batch * height * width, lanes);
  const sizes = { batch, inChannels: channels, outChannels: problem.outChannels, height, width, ...strides, groups };
  return {
    name: "conv3x3",
    source: plainSource,
    launches: [{ sizes, workgroups: [...foldWorkgroups(groups * problem.outChannels), 1] }],
    flops: flopsOf(problem),
    bytes: bytesOf(problem),
    statistics: { partials: groups },
  };
}

/**
 * 3×3 convolution, stride 1, zero padding 1, no bias.
 *
 * output[n, co, y, x] = Σ over ci, ky, kx of weight[co, ci, ky, kx] · input[n, ci, y + ky − 1, x + kx − 1]
 *
 * Slots Input and Output, statistics of the output. `weight` is [co, ci, 3, 3] or, for `blocked`, packed `forward`.
 */
export function conv3x3(problem: Conv3x3Problem, variant: Conv3x3Variant): Kernel {
  if (variant === "blocked") return blocked(problem);
  return plain(problem, { outStride: problem.input.channels * 9, inStride: 9, flip: 0 });
}

/**
 * Input gradient of the 3×3 convolution `problem`: a convolution of gradOutput [n, co, h, w] with the weight turned by
 * 180° and its channels swapped, → [n, ci, h, w].
 *
 * Slots Input (reads gradOutput) and Output (writes the gradient), statistics of what it writes. `weight` is
 * [co, ci, 3, 3] or, for `blocked`, packed `grad-input`.
 */
export function conv3x3GradInput(problem: Conv3x3Problem, variant: Conv3x3Variant): Kernel {
  const inChannels = problem.input.channels;
  const swapped = { input: { ...problem.input, channels: problem.outChannels }, outChannels: inChannels };
  if (variant === "blocked") return blocked(swapped);
  return plain(swapped, { outStride: 9, inStride: inChannels * 9, flip: 1 });
}

/**
 * Layout of the weight [co, ci, 3, 3] for the `blocked` variants: [blocks of 8 written channels, read channels, 9, 8],
 * in parts that begin at multiples of 256 bytes where it takes several launches. Channels are those of the forward
 * convolution.
 */
export function packConv3x3(
  inChannels: number,
  outChannels: number,
  direction: "forward" | "grad-input",
): PackedLayout {
  const forward = direction === "forward";
  const written = forward ? outChannels : inChannels;
  return packBlocks(planWeight(forward ? inChannels : outChannels, written), (block, element) => {
    const writes = block * channelBlock + (element % channelBlock);
    const tap = Math.floor(element / channelBlock) % 9;
    const reads = Math.floor(element / channelBlock / 9);
    if (writes >= written) return noWeight;
    return forward ? (writes * inChannels + reads) * 9 + tap : (reads * inChannels + writes) * 9 + 8 - tap;
  });
}

/**
 * Weight gradient of the 3×3 convolution, as `partials` sums [partials, co, ci, 3, 3] that remain to be added up.
 *
 * gradWeight[co, ci, ky, kx] = Σ over n, y, x of gradOutput[n, co, y, x] · input[n, ci, y + ky − 1, x + kx − 1]
 *
 * Slots Input and GradOutput. `serial` is `blocked` without barriers, see {@link Reduction}.
 */
export function conv3x3GradWeight(
  problem: Conv3x3Problem,
  variant: Conv3x3Variant | "serial",
): Kernel & { readonly partials: number } {
  const { batch, channels: inChannels, height, width } = problem.input;
  const { outChannels } = problem;
  const elements = inChannels * outChannels * 9;
  const shape = { inChannels, outChannels, height, width };
  const cost = { flops: flopsOf(problem), bytes: bytesOf(problem) };
  if (variant === "plain") {
    const workgroups = foldWorkgroups(ceilDivide(batch * elements, lanes));
    return {
      name: "conv3x3-grad-weight",
      source: gradWeightSource,
      launches: [{ sizes: { batch, ...shape }, workgroups: [...workgroups, 1] }],
      ...cost,
      partials: batch,
    };
  }
  const inBlocks = ceilDivide(inChannels, 2);
  const outBlocks = ceilDivide(outChannels, 4);
  const columnStrips = ceilDivide(width, 2);
  const serial = variant === "serial";
  const wanted = (serial ? wantedSerialPartials : wantedPartials)(
    inBlocks * outBlocks,
    elements,
    batch * height * width,
  );
  const workers = serial ? 1 : sumLanes; // invocations that share a partial sum
  const stripsOf = (rows: number) => batch * ceilDivide(height, rows) * columnStrips;
  let rows = 32;
  while (rows > 2 && stripsOf(rows) < wanted * workers) rows /= 2;
  const partialCount = Math.min(wanted, ceilDivide(stripsOf(rows), workers));
  const sizes = {
    ...shape,
    inBlocks,
    outBlocks,
    rowStrips: ceilDivide(height, rows),
    columnStrips,
    rows,
    strips: stripsOf(rows),
    partialCount,
  };
  const groups = ceilDivide(partialCount * inBlocks * outBlocks, serial ? sumLanes : 1);
  return {
    name: `conv3x3-grad-weight-${variant}`,
    source: serial ? gradWeightSerialSource : gradWeightBlockedSource,
    launches: [{ sizes, workgroups: [...foldWorkgroups(groups), 1] }],
    ...cost,
    partials: partialCount,
  };
}
