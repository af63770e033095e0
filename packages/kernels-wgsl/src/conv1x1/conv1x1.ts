import {
  type ConvolutionProblem,
  ceilDivide,
  foldWorkgroups,
  imageSize,
  type Kernel,
  KernelDeclarationError,
} from "../contract/kernel.js";
import { noWeight, type PackedLayout, packBlocks, planWeight } from "../contract/packing.js";
import {
  type GradWeightOptions,
  splitPixels,
  sumLanes,
  type WeightSharing,
  wantedPartials,
  wantedSerialPartials,
  wantedTilePartials,
} from "../contract/partial-sums.js";
import { quadPixels, quadsOf } from "../contract/quads.js";
import { withSerialSums } from "../transforms/lane-sums.js";
import { withSecondImage } from "../transforms/second-image.js";
import { withSubgroupWeights, withWeightAccess } from "../transforms/weights.js";
import {
  removeBinding,
  renumberBindings,
  replaceConstant,
  replaceDefinition,
  replaceText,
} from "../transforms/wgsl-text.js";
import plainSource from "./conv1x1.wgsl.js";
import blockedSource from "./conv1x1-blocked.wgsl.js";
import gradWeightSource from "./conv1x1-grad-weight.wgsl.js";
import gradWeightBlockedSource from "./conv1x1-grad-weight-blocked.wgsl.js";
import gradWeightTiledSource from "./conv1x1-grad-weight-tiled.wgsl.js";
import gradWeightVectorSource from "./conv1x1-grad-weight-vector.wgsl.js";
import vectorSource from "./conv1x1-vector.wgsl.js";

/**
 * `plain` is the readable one; `blocked` computes 8 channels × 4 pixels an invocation and reads the
 * weight as {@link packConv1x1} lays it out; `subgroup` does the same with weights
 * that 8 invocations share, read as they are; `vector` is `blocked` for images whose width is a multiple of 4, of which an
 * invocation computes 8 channels × 2 rows × 4 columns and loads and stores four pixels at a time.
 */
export type Conv1x1Variant = "plain" | "blocked" | "subgroup" | "vector";

const lanes = 64;
const channelBlock = 8;

const flopsOf = ({ input, outChannels }: ConvolutionProblem): number => 2 * imageSize(input) * outChannels;

const bytesOf = ({ input, outChannels }: ConvolutionProblem): number =>
  4 * (imageSize(input) + imageSize({ ...input, channels: outChannels }) + input.channels * outChannels);

/** How the weight [co, ci, 1, 1] is read by those that do not want it packed. */
interface Strides {
  readonly outStride: number;
  readonly inStride: number;
}

const planOf = (inChannels: number, outChannels: number) =>
  planWeight(inChannels * channelBlock, ceilDivide(outChannels, channelBlock));

/** A file's text without what pools; `values` are the parameters of `storePooled` after the channel. */
const withoutPooling = (source: string, values: string): string => {
  const empty = `fn storePooled(tile: Tile, c: u32, ${values}) {}`;
  return renumberBindings(removeBinding(replaceDefinition(source, "fn", "storePooled", empty), "pooled"));
};

/** A file's text with what pools, or without. */
const withPooling = (source: string, pooled: boolean): string =>
  pooled
    ? replaceText(source, "= tileOf(", "= windowOf(")
    : withoutPooling(replaceDefinition(source, "fn", "windowOf", ""), "values: vec4f");

function vector(problem: ConvolutionProblem, pooled: boolean, split?: number): Kernel {
  const { batch, channels: inChannels, height } = problem.input;
  const { outChannels } = problem;
  const quads = quadsOf("conv1x1-vector", problem.input);
  const rows = ceilDivide(height, 2);
  const tiles = batch * rows * quads;
  const groups = ceilDivide(tiles, lanes);
  const plan = planOf(inChannels, outChannels);
  const file = split === undefined ? vectorSource : withSecondImage(vectorSource, { addChannels: "range" });
  const source = withWeightAccess(file, plan.access);
  return {
    name: "conv1x1-vector",
    source: pooled ? source : withoutPooling(source, "upper: vec4f, lower: vec4f"),
    launches: [
      {
        sizes: { inChannels, outChannels, height, quads, rows, tiles, groups, ...(split !== undefined && { split }) },
        workgroups: [...foldWorkgroups(groups), plan.blocks],
      },
    ],
    flops: flopsOf(problem),
    bytes: bytesOf(problem),
    statistics: { partials: groups, only: "parallel" },
  };
}

function tiled(problem: ConvolutionProblem, variant: "blocked" | "subgroup", strides: Strides, pooled = false): Kernel {
  const { batch, channels, height, width } = problem.input;
  const { outChannels } = problem;
  const quarter = pooled ? ceilDivide(height, 2) * ceilDivide(width, 2) : ceilDivide(height * width, 4);
  const tiles = batch * quarter;
  const groups = ceilDivide(tiles, lanes);
  const shape = { inChannels: channels, outChannels, height, width };
  const sizes = { ...shape, quarter, tiles, groups, ...strides, blockChannels: channelBlock };
  const plan = planOf(channels, outChannels);
  return {
    name: `conv1x1-${variant}`,
    source: withPooling(variant === "subgroup" ? subgroupSource : withWeightAccess(blockedSource, plan.access), pooled),
    launches: [{ sizes, workgroups: [...foldWorkgroups(groups), plan.blocks] }],
    flops: flopsOf(problem),
    bytes: bytesOf(problem),
    statistics: { partials: groups },
  };
}

const subgroupSource = withSubgroupWeights(blockedSource, {
  binding: "weight",
  parameters: "block: u32, c: u32",
  index: "min(8u * block + place, sizes.outChannels - 1u) * sizes.outStride + c * sizes.inStride",
});

function plain(problem: ConvolutionProblem, strides: Strides): Kernel {
  const { batch, channels, height, width } = problem.input;
  const groups = ceilDivide(batch * height * width, lanes);
  const sizes = { batch, inChannels: channels, outChannels: problem.outChannels, height, width, ...strides, groups };
  return {
    name: "conv1x1",
    source: plainSource,
    launches: [{ sizes, workgroups: [...foldWorkgroups(groups * problem.outChannels), 1] }],
    flops: flopsOf(problem),
    bytes: bytesOf(problem),
    statistics: { partials: groups },
  };
}

/**
 * 1×1 convolution, no bias.
 *
 * output[n, co, y, x] = Σ over ci of weight[co, ci] · input[n, ci, y, x]
 *
 * Slots Input and Output, statistics of the output. `weight` is [co, ci, 1, 1] or, for `blocked` and `vector`, packed
 * `forward`. With
 * `pooled`, which the plain kernel does not know, it also stores the maximum of each 2×2 window of what it stores, as
 * `pooled` [n, co, ⌊h/2⌋, ⌊w/2⌋]. For `vector`, `split` channels of slot Input
 * may be followed by those of another
 * image, slot Second.
 */
export function conv1x1(problem: ConvolutionProblem, variant: Conv1x1Variant, pooled = false, split?: number): Kernel {
  const strides = { outStride: problem.input.channels, inStride: 1 };
  if (variant === "vector") return vector(problem, pooled, split);
  if (variant !== "plain") return tiled(problem, variant, strides, pooled);
  if (pooled) throw new KernelDeclarationError("conv1x1: the plain kernel does not pool; use max-pool2x2 after it");
  return plain(problem, strides);
}

/**
 * Input gradient of the 1×1 convolution `problem`: a 1×1 convolution of gradOutput [n, co, h, w] with the transposed
 * weight, → [n, ci, h, w].
 *
 * Slots Input (reads gradOutput) and Output (writes the gradient), statistics of what it writes. `weight` is
 * [co, ci, 1, 1] or, for `blocked` and `vector`, packed `grad-input`.
 */
export function conv1x1GradInput(problem: ConvolutionProblem, variant: Conv1x1Variant): Kernel {
  const inChannels = problem.input.channels;
  const swapped = { input: { ...problem.input, channels: problem.outChannels }, outChannels: inChannels };
  const strides = { outStride: 1, inStride: inChannels };
  if (variant === "vector") return vector(swapped, false);
  return variant === "plain" ? plain(swapped, strides) : tiled(swapped, variant, strides);
}

/**
 * Layout of the weight [co, ci, 1, 1] for `blocked` and `vector`: [blocks of 8 written channels, read channels, 8]. Channels are those of the forward
 * convolution.
 */
export function packConv1x1(
  inChannels: number,
  outChannels: number,
  direction: "forward" | "grad-input",
): PackedLayout {
  const forward = direction === "forward";
  const written = forward ? outChannels : inChannels;
  return packBlocks(planOf(forward ? inChannels : outChannels, written), (block, element) => {
    const writes = block * channelBlock + (element % channelBlock);
    const reads = Math.floor(element / channelBlock);
    if (writes >= written) return noWeight;
    return forward ? writes * inChannels + reads : reads * inChannels + writes;
  });
}

/**
 * Weight gradient of the 1×1 convolution, as `partials` sums [partials, co, ci] that remain to be summed.
 *
 * gradWeight[co, ci] = Σ over n, y, x of gradOutput[n, co, y, x] · input[n, ci, y, x]
 *
 * With `weights` convolutions of equal extents, whose inputs are concatenated and whose outputs have one gradient, the sums
 * are [partials, weights, co, ci / weights].
 *
 * Slots Input and GradOutput. `serial` is `blocked` without barriers, see {@link Reduction}; `vector` is `tiled` for images
 * whose width is a multiple of 4; both make `factor` times as many partial
 * sums, and `vector` takes an input that is two images, with slot Second for the other one (`split`).
 */
export function conv1x1GradWeight(
  problem: ConvolutionProblem,
  variant: "plain" | "blocked" | "serial" | "tiled" | "vector",
  weights = 1,
  { factor = 1, split }: GradWeightOptions = {},
): Kernel & { readonly partials: number } {
  const { batch, channels: inChannels, height, width } = problem.input;
  const { outChannels } = problem;
  const elements = inChannels * outChannels;
  const shape = { inChannels, outChannels, height, weights };
  const cost = { flops: flopsOf(problem), bytes: bytesOf(problem) };
  if (variant === "plain") {
    const workgroups = foldWorkgroups(ceilDivide(batch * elements, lanes));
    return {
      name: "conv1x1-grad-weight",
      source: gradWeightSource,
      launches: [{ sizes: { batch, ...shape, width }, workgroups: [...workgroups, 1] }],
      ...cost,
      partials: batch,
    };
  }
  const { inBlock, outBlock, source, perGroup, wanted: wantedOf, innerTrips } = sharingOf(problem, variant, split);
  const inBlocks = ceilDivide(inChannels, inBlock);
  const outBlocks = ceilDivide(outChannels, outBlock);
  const wanted = wantedOf(inBlocks * outBlocks, elements, batch * height * width, factor);
  const { partials, segments, segmentLength } = splitPixels(batch, height * width, wanted);
  // The kernel over quads has no loop within a tile: as many quads as 64 invocations bring four channels at a time.
  const tilePixels = (16 * lanes) / Math.max(inBlock, outBlock);
  const rounds = variant === "vector" ? ceilDivide(segmentLength, tilePixels) : innerTrips;
  const name = `conv1x1-grad-weight-${variant}`;
  const shares = { segments, totalSegments: batch * segments, partialCount: partials };
  const extents =
    variant === "vector"
      ? {
          quads: quadsOf(name, problem.input),
          segmentQuads: segmentLength / quadPixels,
          ...(split !== undefined && { split }),
        }
      : { width, segmentLength };
  return {
    name,
    source,
    launches: [
      {
        sizes: { ...shape, ...extents, inBlocks, outBlocks, ...shares },
        workgroups: [...foldWorkgroups(ceilDivide(partials * inBlocks * outBlocks, perGroup)), 1],
      },
    ],
    ...cost,
    ...(rounds && { innerTrips: rounds }),
    partials,
  };
}

/** Channels of a block in workgroup memory: as few as hold them, 16 at most. */
const blockOf = (channels: number): 4 | 8 | 16 => (channels > 8 ? 16 : channels > 4 ? 8 : 4);

/** Whether blocks of a weight gradient's input channels end where the first of two images does. */
export const splitsConv1x1 = (split: number): boolean => split % blockOf(split) === 0;

const gradWeightOfTwo = withSecondImage(gradWeightVectorSource, { sumSegments: "block" });

function sharingOf(
  { input, outChannels }: ConvolutionProblem,
  variant: "blocked" | "serial" | "tiled" | "vector",
  split: number | undefined,
): WeightSharing {
  if (variant === "tiled" || variant === "vector") {
    const [inBlock, outBlock] = [blockOf(split ?? input.channels), blockOf(outChannels)];
    const vectorFile = split === undefined ? gradWeightVectorSource : gradWeightOfTwo;
    const file = variant === "tiled" ? gradWeightTiledSource : vectorFile;
    const source = replaceConstant(replaceConstant(file, "IN_BLOCK", inBlock), "OUT_BLOCK", outBlock);
    const sharing = { source, inBlock, outBlock, wanted: wantedTilePartials, perGroup: 1 };
    // Of 64 pixels an invocation sums one for each 4 × 4 channels of the block.
    return variant === "tiled" ? { ...sharing, innerTrips: (inBlock * outBlock) / 16 } : sharing;
  }
  const block = { inBlock: 8, outBlock: 8 };
  return variant === "blocked"
    ? { ...block, source: gradWeightBlockedSource, wanted: wantedPartials, perGroup: 1 }
    : { ...block, source: withSerialSums(gradWeightBlockedSource), wanted: wantedSerialPartials, perGroup: sumLanes };
}
