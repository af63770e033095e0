import { type ConvolutionProblem, ceilDivide, foldWorkgroups, imageSize, type Kernel } from "../contract/kernel.js";
import { planWeight } from "../contract/packing.js";
import {
  type GradWeightOptions,
  sumLanes,
  type WeightSharing,
  wantedPartials,
  wantedSerialPartials,
  wantedSubgroupPartials,
} from "../contract/partial-sums.js";
import { withSerialSums } from "../transforms/lane-sums.js";
import { withSecondImage } from "../transforms/second-image.js";
import { withWeightAccess } from "../transforms/weights.js";
import { hasFunction, removeBinding, renumberBindings, replaceDefinition } from "../transforms/wgsl-text.js";
import { withWinograd } from "../transforms/winograd.js";
import plainSource from "./conv3x3.wgsl.js";
import blockedSource from "./conv3x3-blocked.wgsl.js";
import gradWeightSource from "./conv3x3-grad-weight.wgsl.js";
import gradWeightBlockedSource from "./conv3x3-grad-weight-blocked.wgsl.js";
import gradWeightSubgroupSource from "./conv3x3-grad-weight-subgroup.wgsl.js";
import { conv3x3GradWeightMatrix, conv3x3Matrix } from "./conv3x3-matrix.js";
import { channelBlock, planConv3x3 } from "./conv3x3-packing.js";
import { quadLaunch } from "./conv3x3-quads.js";
import subgroupSource from "./conv3x3-subgroup.wgsl.js";
import tallSource from "./conv3x3-tall.wgsl.js";
import {
  conv3x3GradWeightTiled,
  conv3x3GradWeightVector,
  conv3x3Tiled,
  leastWorkgroupMemory,
} from "./conv3x3-tiled.js";
import vectorSource from "./conv3x3-vector.wgsl.js";

/**
 * `plain` is the readable one; `blocked` computes 8 channels × 4 rows × 2 columns an invocation and reads the weight as
 * {@link packConv3x3} lays it out; `subgroup` lets 8 invocations compute 8 channels × 8 rows × 8 columns and share what they
 * load; `tiled` brings tiles of the images and the weight into workgroup memory, which pays where there are many channels, and
 * takes images whose width is a multiple of 4, as `vector` does; its weight gradient takes any.
 */
export type Conv3x3Variant = "plain" | "blocked" | "subgroup" | "tiled";

/**
 * For images whose width is a multiple of 4: `vector` is `blocked` where an invocation computes 8 channels × 2 rows × 4 columns
 * and loads and stores four pixels at a time; `tall` is `vector` with 4 rows, `winograd` is `vector` with half the
 * multiplications, see transforms/winograd.ts; `matrix` multiplies in f16 by a GPU's matrix units, see
 * transforms/subgroup-matrix.ts. The weight gradient has of these `vector`, which is `tiled` for such images, and `matrix`.
 */
export type Conv3x3OutputVariant = Conv3x3Variant | "matrix" | "vector" | "tall" | "winograd";

/**
 * A 1×1 convolution of other images of the same extents, whose result is added: `shortcut` [n, channels, h, w], with
 * `shortcutWeight` [co, channels], or [channels, co] where it is transposed, as for an input gradient. For `blocked`,
 * `tiled`, `vector`, `tall`, `winograd` and `matrix` the weight is packed as that of a 1×1 convolution.
 */
export interface Shortcut {
  readonly channels: number;
  readonly transposed: boolean;
}

const lanes = 64;

/** Floating-point operations and bytes, with what a shortcut adds. */
function costOf({ input, outChannels }: ConvolutionProblem, shortcut?: Shortcut) {
  const beside = imageSize({ ...input, channels: shortcut?.channels ?? 0 });
  const weights = (9 * input.channels + (shortcut?.channels ?? 0)) * outChannels;
  return {
    flops: (18 * imageSize(input) + 2 * beside) * outChannels,
    bytes: 4 * (imageSize(input) + beside + imageSize({ ...input, channels: outChannels }) + weights),
  };
}

/** A file's text with its shortcut or, where there is none, without. */
function withShortcut(source: string, shortcut: Shortcut | undefined): string {
  if (shortcut !== undefined) return source;
  const start = source.indexOf("fn addShortcut(");
  const signature = source.slice(start, source.indexOf("{", start));
  const text = replaceDefinition(source, "fn", "addShortcut", `${signature}{}`);
  const unused = [
    "prepareShortcut",
    "loadShortcut",
    "loadShortcutQuad",
    "shortcutRows",
    "shortcutAt",
    "loadShortcutLeft",
  ].filter((name) => hasFunction(text, name));
  const bare = unused.reduce((result, name) => replaceDefinition(result, "fn", name, ""), text);
  return renumberBindings(removeBinding(removeBinding(bare, "shortcut"), "shortcutWeight"));
}

/** Fields of `Sizes` that tell how the shortcut's weight is read where it is not packed. */
const shortcutStrides = (shortcut: Shortcut | undefined, outChannels: number) => ({
  shortcutOutStride: shortcut?.transposed === true ? 1 : (shortcut?.channels ?? 0),
  shortcutInStride: shortcut?.transposed === true ? outChannels : 1,
});

/** How the weight [co, ci, 3, 3] is read by those that do not want it packed. */
interface Strides {
  readonly outStride: number;
  readonly inStride: number;
  readonly flip: 0 | 1;
}

/** Tiles of rows × columns, `perGroup` of which a workgroup computes. */
function tilesOf({ input, outChannels }: ConvolutionProblem, rows: number, columns: number, perGroup: number) {
  const { batch, channels: inChannels, height, width } = input;
  const rowTiles = ceilDivide(height, rows);
  const columnTiles = ceilDivide(width, columns);
  const tiles = batch * rowTiles * columnTiles;
  return { inChannels, outChannels, height, width, rowTiles, columnTiles, tiles, groups: ceilDivide(tiles, perGroup) };
}

/** A file that reads packed weights, for a problem. */
function packedSource(
  source: string,
  { input: { channels }, outChannels }: ConvolutionProblem,
  shortcut: Shortcut | undefined,
  columns: 3 | 6 = 3,
) {
  const plan = planConv3x3(channels, outChannels, columns);
  const text = withWeightAccess(withShortcut(source, shortcut), plan.access);
  if (shortcut === undefined) return text;
  const { access } = planWeight(shortcut.channels * channelBlock, plan.blocks);
  return withWeightAccess(text, access, "shortcutWeight");
}

function blocked(problem: ConvolutionProblem, shortcut: Shortcut | undefined): Kernel {
  const { outChannels } = problem;
  const sizes = { ...tilesOf(problem, 4, 2, lanes), shortcutChannels: shortcut?.channels ?? 0 };
  return {
    name: "conv3x3-blocked",
    source: packedSource(blockedSource, problem, shortcut),
    launches: [{ sizes, workgroups: [...foldWorkgroups(sizes.groups), ceilDivide(outChannels, channelBlock)] }],
    ...costOf(problem, shortcut),
    statistics: { partials: sizes.groups },
  };
}

/** The kernels over quads. */
const byQuads =
  (name: string, source: string, rows: number, columns: 3 | 6 = 3) =>
  (problem: ConvolutionProblem, shortcut: Shortcut | undefined, _memory: number, split: number | undefined): Kernel => {
    const blocks = ceilDivide(problem.outChannels, channelBlock);
    const launch = quadLaunch(name, problem, { rows, blocks, shortcutChannels: shortcut?.channels ?? 0 });
    const text = split === undefined ? source : withSecondImage(source, { addInside: "range", addBorder: "range" });
    return {
      name,
      source: packedSource(text, problem, shortcut, columns),
      launches: [{ ...launch, sizes: { ...launch.sizes, ...(split !== undefined && { split }) } }],
      ...costOf(problem, shortcut),
      ...(columns === 6 && { trips: problem.input.channels }),
      statistics: { partials: launch.sizes.groups, only: "parallel" },
    };
  };

/** The variants over tiles in workgroup memory. */
const overTiles =
  (make: typeof conv3x3Tiled) =>
  (problem: ConvolutionProblem, shortcut: Shortcut | undefined, memory: number): Kernel => {
    const kernel = make(problem, shortcut?.channels ?? 0, costOf(problem, shortcut), memory);
    return { ...kernel, source: withShortcut(kernel.source, shortcut) };
  };

/** The variants that read the weight as {@link packConv3x3}, {@link packConv3x3Filters} or `packHalves` lays it out. */
const byPacking = {
  blocked,
  vector: byQuads("conv3x3-vector", vectorSource, 2),
  tall: byQuads("conv3x3-tall", tallSource, 4),
  winograd: byQuads("conv3x3-winograd", withWinograd(vectorSource), 2, 6),
  tiled: overTiles(conv3x3Tiled),
  matrix: overTiles(conv3x3Matrix),
} as const;

/** Whether a variant reads an input that is two images through slots Input and Second. */
export const readsTwoImages = (variant: Conv3x3OutputVariant): boolean =>
  variant === "vector" || variant === "tall" || variant === "winograd";

const isPacked = (variant: Conv3x3OutputVariant): variant is keyof typeof byPacking => variant in byPacking;

function subgroup(problem: ConvolutionProblem, strides: Strides, shortcut: Shortcut | undefined): Kernel {
  const beside = { shortcutChannels: shortcut?.channels ?? 0, ...shortcutStrides(shortcut, problem.outChannels) };
  const sizes = { ...tilesOf(problem, 8, 8, lanes / 8), ...strides, blockChannels: channelBlock, ...beside };
  const blocks = ceilDivide(problem.outChannels, channelBlock);
  return {
    name: "conv3x3-subgroup",
    source: withShortcut(subgroupSource, shortcut),
    launches: [{ sizes, workgroups: [...foldWorkgroups(sizes.groups), blocks] }],
    ...costOf(problem, shortcut),
    statistics: { partials: sizes.groups },
  };
}

function plain(problem: ConvolutionProblem, strides: Strides, shortcut: Shortcut | undefined): Kernel {
  const { outChannels } = problem;
  const { batch, channels, height, width } = problem.input;
  const groups = ceilDivide(batch * height * width, lanes);
  const beside = { shortcutChannels: shortcut?.channels ?? 0, ...shortcutStrides(shortcut, outChannels) };
  const sizes = { batch, inChannels: channels, outChannels, height, width, ...strides, groups, ...beside };
  return {
    name: "conv3x3",
    source: withShortcut(plainSource, shortcut),
    launches: [{ sizes, workgroups: [...foldWorkgroups(groups * outChannels), 1] }],
    ...costOf(problem, shortcut),
    statistics: { partials: groups },
  };
}

/** The variants that read the weight by strides. */
const byStrides = { plain, subgroup } as const;

/**
 * 3×3 convolution, stride 1, zero padding 1, no bias.
 *
 * output[n, co, y, x] = Σ over ci, ky, kx of weight[co, ci, ky, kx] · input[n, ci, y + ky − 1, x + kx − 1]
 *
 * Slots Input, Shortcut and Output, statistics of the output. `weight` is [co, ci, 3, 3] or, for `blocked`, `tiled`, `vector`,
 * `tall`, `winograd` and `matrix`, packed `forward`. With a {@link Shortcut} its result is added.
 * @param memory bytes of workgroup memory that `tiled` may use: what the device allows.
 * @param split channels of slot Input, where those of another image, slot Second, follow: where {@link readsTwoImages} says so.
 * @throws RangeError for a width that is no multiple of 4, where the variant reads four pixels at a time.
 */
export function conv3x3(
  problem: ConvolutionProblem,
  variant: Conv3x3OutputVariant,
  shortcut?: Shortcut,
  memory: number = leastWorkgroupMemory,
  split?: number,
): Kernel {
  if (isPacked(variant)) return byPacking[variant](problem, shortcut, memory, split);
  const strides = { outStride: problem.input.channels * 9, inStride: 9, flip: 0 } as const;
  return byStrides[variant](problem, strides, shortcut);
}

/**
 * Input gradient of the 3×3 convolution `problem`: a convolution of gradOutput [n, co, h, w] with the weight turned by
 * 180° and its channels swapped, → [n, ci, h, w].
 *
 * Slots Input (reads gradOutput), Shortcut and Output (writes the gradient), statistics of what it writes. `weight` is
 * [co, ci, 3, 3] or, for `blocked`, `tiled`, `vector`, `tall`, `winograd` and `matrix`, packed `grad-input`. With a
 * {@link Shortcut} its result is added: where the image also went through a 1×1 convolution, that one's input gradient.
 */
export function conv3x3GradInput(
  problem: ConvolutionProblem,
  variant: Conv3x3OutputVariant,
  shortcut?: Shortcut,
  memory: number = leastWorkgroupMemory,
): Kernel {
  const inChannels = problem.input.channels;
  const swapped = { input: { ...problem.input, channels: problem.outChannels }, outChannels: inChannels };
  if (isPacked(variant)) return byPacking[variant](swapped, shortcut, memory, undefined);
  const strides = { outStride: 9, inStride: inChannels * 9, flip: 1 } as const;
  return byStrides[variant](swapped, strides, shortcut);
}

/**
 * Weight gradient of the 3×3 convolution, as `partials` sums [partials, co, ci, 3, 3] that remain to be summed.
 *
 * gradWeight[co, ci, ky, kx] = Σ over n, y, x of gradOutput[n, co, y, x] · input[n, ci, y + ky − 1, x + kx − 1]
 *
 * Slots Input and GradOutput. `serial` is `blocked` without barriers, see {@link Reduction}; so is `subgroup`.
 * `vector` is `tiled` for images whose width is a multiple of 4; both make `factor` times as many partial
 * sums, and `vector` takes an input that is two images, with slot Second for the other one (`split`), and can load `ahead`.
 */
export function conv3x3GradWeight(
  problem: ConvolutionProblem,
  variant: Conv3x3Variant | "serial" | "vector" | "matrix",
  options: GradWeightOptions = {},
): Kernel & { readonly partials: number } {
  const { batch, channels: inChannels, height, width } = problem.input;
  const { outChannels } = problem;
  const elements = inChannels * outChannels * 9;
  const shape = { inChannels, outChannels, height, width };
  const cost = costOf(problem);
  if (variant === "tiled") return conv3x3GradWeightTiled(problem, cost, options);
  if (variant === "vector") return conv3x3GradWeightVector(problem, cost, options);
  if (variant === "matrix") return conv3x3GradWeightMatrix(problem, cost);
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

/** How strips of pixels are shared besides. */
interface StripSharing extends WeightSharing {
  /** Columns of a strip. */
  readonly columns: number;
  /** Invocations that walk down strips of one partial sum side by side. */
  readonly workers: number;
}

const sharings: Readonly<Record<"blocked" | "serial" | "subgroup", StripSharing>> = {
  blocked: {
    source: gradWeightBlockedSource,
    inBlock: 2,
    outBlock: 4,
    columns: 2,
    workers: sumLanes,
    wanted: wantedPartials,
    perGroup: 1,
  },
  serial: {
    source: withSerialSums(gradWeightBlockedSource),
    inBlock: 2,
    outBlock: 4,
    columns: 2,
    workers: 1,
    wanted: wantedSerialPartials,
    perGroup: sumLanes,
  },
  subgroup: {
    source: gradWeightSubgroupSource,
    inBlock: 8,
    outBlock: 8,
    columns: 4,
    workers: 1,
    wanted: wantedSubgroupPartials,
    perGroup: 8,
  },
};
