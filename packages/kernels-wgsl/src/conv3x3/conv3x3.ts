import { ceilDivide, foldWorkgroups, type ImageShape, imageSize, type Kernel } from "../shared/kernel.js";
import { withSerialSums } from "../shared/lane-sums.js";
import { noWeight, type PackedLayout, packBlocks, planWeight, withWeightAccess } from "../shared/packing.js";
import { sumLanes, wantedPartials, wantedSerialPartials, wantedSubgroupPartials } from "../shared/partial-sums.js";
import plainSource from "./conv3x3.wgsl.js";
import blockedSource from "./conv3x3-blocked.wgsl.js";
import gradWeightSource from "./conv3x3-grad-weight.wgsl.js";
import gradWeightBlockedSource from "./conv3x3-grad-weight-blocked.wgsl.js";
import gradWeightSubgroupSource from "./conv3x3-grad-weight-subgroup.wgsl.js";
import subgroupSource from "./conv3x3-subgroup.wgsl.js";
import { conv3x3GradWeightTiled, conv3x3Matrix, conv3x3Tiled } from "./conv3x3-tiled.js";

/** A 3×3 convolution, stride 1, zero padding 1: input [n, ci, h, w], weight [co, ci, 3, 3] → [n, co, h, w]. */
export interface Conv3x3Problem {
  readonly input: ImageShape;
  readonly outChannels: number;
}

/**
 * `plain` is the readable one; `blocked` computes 8 channels × 4 rows × 2 columns an invocation and reads the weight as
 * {@link packConv3x3} lays it out; `subgroup` lets 8 invocations compute 8 channels × 8 rows × 8 columns and share what they
 * load; `tiled` brings tiles of the images and the weight into workgroup memory, which pays where there are many channels.
 */
export type Conv3x3Variant = "plain" | "blocked" | "subgroup" | "tiled";

/** `matrix` multiplies in f16 by a GPU's matrix units, see shared/subgroup-matrix.ts; the weight gradient has none. */
export type Conv3x3OutputVariant = Conv3x3Variant | "matrix";

const lanes = 64;
const channelBlock = 8;

const flopsOf = ({ input, outChannels }: Conv3x3Problem): number => 18 * imageSize(input) * outChannels;

const bytesOf = ({ input, outChannels }: Conv3x3Problem): number =>
  4 * (imageSize(input) + imageSize({ ...input, channels: outChannels }) + 9 * input.channels * outChannels);

const costOf = (problem: Conv3x3Problem) => ({ flops: flopsOf(problem), bytes: bytesOf(problem) });

/** How the weight [co, ci, 3, 3] is read by those that do not want it packed. */
interface Strides {
  readonly outStride: number;
  readonly inStride: number;
  readonly flip: 0 | 1;
}

const planOf = (inChannels: number, outChannels: number) =>
  planWeight(inChannels * 9 * channelBlock, ceilDivide(outChannels, channelBlock));

/** Tiles of rows × columns, `perGroup` of which a workgroup computes. */
function tilesOf({ input, outChannels }: Conv3x3Problem, rows: number, columns: number, perGroup: number) {
  const { batch, channels: inChannels, height, width } = input;
  const rowTiles = ceilDivide(height, rows);
  const columnTiles = ceilDivide(width, columns);
  const tiles = batch * rowTiles * columnTiles;
  return { inChannels, outChannels, height, width, rowTiles, columnTiles, tiles, groups: ceilDivide(tiles, perGroup) };
}

function blocked(problem: Conv3x3Problem): Kernel {
  const plan = planOf(problem.input.channels, problem.outChannels);
  const sizes = tilesOf(problem, 4, 2, lanes);
  return {
    name: "conv3x3-blocked",
    source: withWeightAccess(blockedSource, plan.access),
    launches: [{ sizes, workgroups: [...foldWorkgroups(sizes.groups), plan.blocks] }],
    flops: flopsOf(problem),
    bytes: bytesOf(problem),
    statistics: { partials: sizes.groups },
  };
}

function subgroup(problem: Conv3x3Problem, strides: Strides): Kernel {
  const sizes = { ...tilesOf(problem, 8, 8, lanes / 8), ...strides };
  const blocks = ceilDivide(problem.outChannels, channelBlock);
  return {
    name: "conv3x3-subgroup",
    source: subgroupSource,
    launches: [{ sizes, workgroups: [...foldWorkgroups(sizes.groups), blocks] }],
    flops: flopsOf(problem),
    bytes: bytesOf(problem),
    statistics: { partials: sizes.groups },
  };
}

function plain(problem: Conv3x3Problem, strides: Strides): Kernel {
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
export function conv3x3(problem: Conv3x3Problem, variant: Conv3x3OutputVariant): Kernel {
  if (variant === "blocked") return blocked(problem);
  const strides = { outStride: problem.input.channels * 9, inStride: 9, flip: 0 } as const;
  if (variant === "tiled") return conv3x3Tiled(problem, strides, costOf(problem));
  if (variant === "matrix") return conv3x3Matrix(problem, strides, costOf(problem));
  return variant === "plain" ? plain(problem, strides) : subgroup(problem, strides);
}

/**
 * Input gradient of the 3×3 convolution `problem`: a convolution of gradOutput [n, co, h, w] with the weight turned by
 * 180° and its channels swapped, → [n, ci, h, w].
 *
 * Slots Input (reads gradOutput) and Output (writes the gradient), statistics of what it writes. `weight` is
 * [co, ci, 3, 3] or, for `blocked`, packed `grad-input`.
 */
export function conv3x3GradInput(problem: Conv3x3Problem, variant: Conv3x3OutputVariant): Kernel {
  const inChannels = problem.input.channels;
  const swapped = { input: { ...problem.input, channels: problem.outChannels }, outChannels: inChannels };
  if (variant === "blocked") return blocked(swapped);
  const strides = { outStride: 9, inStride: inChannels * 9, flip: 1 } as const;
  if (variant === "tiled") return conv3x3Tiled(swapped, strides, costOf(problem));
  if (variant === "matrix") return conv3x3Matrix(swapped, strides, costOf(problem));
  return variant === "plain" ? plain(swapped, strides) : subgroup(swapped, strides);
}

/**
 * Layout of the weight [co, ci, 3, 3] for the `blocked` variants: [blocks of 8 written channels, read channels, 9, 8].
 * Channels are those of the forward convolution.
 */
export function packConv3x3(
  inChannels: number,
  outChannels: number,
  direction: "forward" | "grad-input",
): PackedLayout {
  const forward = direction === "forward";
  const written = forward ? outChannels : inChannels;
  return packBlocks(planOf(forward ? inChannels : outChannels, written), (block, element) => {
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
 * Slots Input and GradOutput. `serial` is `blocked` without barriers, see {@link Reduction}; so is `subgroup`.
 */
export function conv3x3GradWeight(
  problem: Conv3x3Problem,
  variant: Conv3x3Variant | "serial",
): Kernel & { readonly partials: number } {
  const { batch, channels: inChannels, height, width } = problem.input;
  const { outChannels } = problem;
  const elements = inChannels * outChannels * 9;
  const shape = { inChannels, outChannels, height, width };
  const cost = costOf(problem);
  if (variant === "tiled") return conv3x3GradWeightTiled(problem, cost);
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
  const { source, inBlock, outBlock, columns, workers, wanted, perGroup } = sharings[variant];
  const inBlocks = ceilDivide(inChannels, inBlock);
  const outBlocks = ceilDivide(outChannels, outBlock);
  const columnStrips = ceilDivide(width, columns);
  const most = wanted(inBlocks * outBlocks, elements, batch * height * width);
  const stripsOf = (rows: number) => batch * ceilDivide(height, rows) * columnStrips;
  let rows = 32;
  while (rows > 2 && stripsOf(rows) < most * workers) rows /= 2;
  const partialCount = Math.min(most, ceilDivide(stripsOf(rows), workers));
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
  return {
    name: `conv3x3-grad-weight-${variant}`,
    source,
    launches: [
      { sizes, workgroups: [...foldWorkgroups(ceilDivide(partialCount * inBlocks * outBlocks, perGroup)), 1] },
    ],
    ...cost,
    partials: partialCount,
  };
}

/** How the weight gradient's work is shared. */
interface Sharing {
  readonly source: string;
  /** Channels of a block that one partial sum covers. */
  readonly inBlock: number;
  readonly outBlock: number;
  /** Columns of a strip. */
  readonly columns: number;
  /** Invocations that walk down strips of one partial sum side by side. */
  readonly workers: number;
  readonly wanted: (blocks: number, elements: number, pixels: number) => number;
  /** Partial sums of a block that a workgroup makes. */
  readonly perGroup: number;
}

const sharings: Readonly<Record<"blocked" | "serial" | "subgroup", Sharing>> = {
  blocked: {
    ...{ source: gradWeightBlockedSource, inBlock: 2, outBlock: 4, columns: 2 },
    ...{ workers: sumLanes, wanted: wantedPartials, perGroup: 1 },
  },
  serial: {
    ...{ source: withSerialSums(gradWeightBlockedSource), inBlock: 2, outBlock: 4, columns: 2 },
    ...{ workers: 1, wanted: wantedSerialPartials, perGroup: sumLanes },
  },
  subgroup: {
    ...{ source: gradWeightSubgroupSource, inBlock: 8, outBlock: 8, columns: 4 },
    ...{ workers: 1, wanted: wantedSubgroupPartials, perGroup: 8 },
  },
};
