import {
  type ConvolutionProblem,
  ceilDivide,
  foldWorkgroups,
  type ImageShape,
  imageSize,
  type Kernel,
} from "../contract/kernel.js";
import { noWeight, type PackedLayout, packBlocks, planWeight } from "../contract/packing.js";
import {
  splitPixels,
  sumLanes,
  type WeightSharing,
  type WorkgroupFactor,
  wantedPartials,
  wantedSerialPartials,
  wantedTilePartials,
} from "../contract/partial-sums.js";
import { quadPixels, quadsOf } from "../contract/quads.js";
import { withSerialSums } from "../transforms/lane-sums.js";
import { withSubgroupWeights, withWeightAccess } from "../transforms/weights.js";
import plainSource from "./conv-transpose2x2.wgsl.js";
import blockedSource from "./conv-transpose2x2-blocked.wgsl.js";
import gradInputSource from "./conv-transpose2x2-grad-input.wgsl.js";
import gradInputBlockedSource from "./conv-transpose2x2-grad-input-blocked.wgsl.js";
import gradInputVectorSource from "./conv-transpose2x2-grad-input-vector.wgsl.js";
import gradWeightSource from "./conv-transpose2x2-grad-weight.wgsl.js";
import gradWeightBlockedSource from "./conv-transpose2x2-grad-weight-blocked.wgsl.js";
import gradWeightTiledSource from "./conv-transpose2x2-grad-weight-tiled.wgsl.js";
import gradWeightVectorSource from "./conv-transpose2x2-grad-weight-vector.wgsl.js";
import vectorSource from "./conv-transpose2x2-vector.wgsl.js";

/**
 * `plain` is the readable one; `blocked` computes 2 output channels (8 of the gradient) × 4 pixels
 * an invocation and reads the weight as {@link packConvTranspose2x2} lays it out; `subgroup` does
 * the same with weights that 8 invocations share, read as they are; `vector` is `blocked` for an input whose width is a multiple
 * of 4, with four pixels of a row, which are loaded and stored at once.
 */
export type ConvTranspose2x2Variant = "plain" | "blocked" | "subgroup" | "vector";

const lanes = 64;
const outBlock = 2;
const inBlock = 8;
const taps = 4;

const flopsOf = ({ input, outChannels }: ConvolutionProblem): number => 2 * taps * imageSize(input) * outChannels;

const bytesOf = ({ input, outChannels }: ConvolutionProblem): number =>
  4 * (imageSize(input) + taps * (imageSize({ ...input, channels: outChannels }) + input.channels * outChannels));

const planForward = (inChannels: number, outChannels: number) =>
  planWeight(inChannels * taps * outBlock, ceilDivide(outChannels, outBlock));

const planGradInput = (inChannels: number, outChannels: number) =>
  planWeight(outChannels * taps * inBlock, ceilDivide(inChannels, inBlock));

const subgroupSource = withSubgroupWeights(blockedSource, {
  binding: "weight",
  parameters: "block: u32, c: u32",
  index: "(c * sizes.outChannels + min(2u * block + place / 4u, sizes.outChannels - 1u)) * 4u + place % 4u",
});

const gradInputSubgroupSource = withSubgroupWeights(gradInputBlockedSource, {
  binding: "weight",
  parameters: "block: u32, c: u32, tap: u32",
  index: "(min(8u * block + place, sizes.outChannels - 1u) * sizes.inChannels + c) * 4u + tap",
});

/** Tiles of 4 pixels through all images, on the coarse grid. */
function tilesOf({ batch, height, width }: ImageShape) {
  const quarter = ceilDivide(height * width, 4);
  return { quarter, tiles: batch * quarter, groups: ceilDivide(batch * quarter, lanes) };
}

/** Tiles of a quad through all images, on the coarse grid. */
function quadTilesOf(name: string, input: ImageShape) {
  const quads = quadsOf(name, input);
  const tiles = input.batch * input.height * quads;
  return { height: input.height, quads, tiles, groups: ceilDivide(tiles, lanes) };
}

/**
 * Transposed 2×2 convolution, stride 2, no bias: each input pixel gives 2×2 output pixels.
 *
 * output[n, co, 2y + dy, 2x + dx] = Σ over ci of weight[ci, co, dy, dx] · input[n, ci, y, x]
 *
 * Slots Input and Output. `weight` is [ci, co, 2, 2] or, for `blocked` and `vector`, packed `forward`.
 */
export function convTranspose2x2(problem: ConvolutionProblem, variant: ConvTranspose2x2Variant): Kernel {
  const { batch, channels: inChannels, height, width } = problem.input;
  const { outChannels } = problem;
  const cost = { flops: flopsOf(problem), bytes: bytesOf(problem) };
  const shape = { inChannels, outChannels, height, width };
  if (variant === "plain") {
    const workgroups = foldWorkgroups(ceilDivide(batch * outChannels * taps * height * width, lanes));
    return {
      name: "conv-transpose2x2",
      source: plainSource,
      launches: [{ sizes: { batch, ...shape }, workgroups: [...workgroups, 1] }],
      ...cost,
    };
  }
  const plan = planForward(inChannels, outChannels);
  if (variant === "vector") {
    const name = "conv-transpose2x2-vector";
    const { groups, ...tiling } = quadTilesOf(name, problem.input);
    const sizes = { inChannels, outChannels, ...tiling };
    return {
      name,
      source: withWeightAccess(vectorSource, plan.access),
      launches: [{ sizes, workgroups: [...foldWorkgroups(groups), plan.blocks] }],
      ...cost,
    };
  }
  const { quarter, tiles, groups } = tilesOf(problem.input);
  const sizes = { ...shape, quarter, tiles };
  return {
    name: `conv-transpose2x2-${variant}`,
    source: variant === "blocked" ? withWeightAccess(blockedSource, plan.access) : subgroupSource,
    launches: [{ sizes, workgroups: [...foldWorkgroups(groups), plan.blocks] }],
    ...cost,
  };
}

/**
 * Input gradient of the transposed 2×2 convolution `problem`: a 2×2 convolution of gradOutput [n, co, 2h, 2w] with
 * stride 2, → [n, ci, h, w].
 *
 * gradInput[n, ci, y, x] = Σ over co, dy, dx of weight[ci, co, dy, dx] · gradOutput[n, co, 2y + dy, 2x + dx]
 *
 * Slots Input (reads gradOutput) and Output (writes the gradient), statistics of what it writes. `weight` is
 * [ci, co, 2, 2] or, for `blocked` and `vector`, packed `grad-input`.
 */
export function convTranspose2x2GradInput(problem: ConvolutionProblem, variant: ConvTranspose2x2Variant): Kernel {
  const { batch, channels: inChannels, height, width } = problem.input;
  const { outChannels } = problem;
  const cost = { flops: flopsOf(problem), bytes: bytesOf(problem) };
  const shape = { inChannels: outChannels, outChannels: inChannels, height, width };
  if (variant === "plain") {
    const groups = ceilDivide(batch * height * width, lanes);
    return {
      name: "conv-transpose2x2-grad-input",
      source: gradInputSource,
      launches: [{ sizes: { batch, ...shape, groups }, workgroups: [...foldWorkgroups(groups * inChannels), 1] }],
      ...cost,
      statistics: { partials: groups },
    };
  }
  const plan = planGradInput(inChannels, outChannels);
  if (variant === "vector") {
    const name = "conv-transpose2x2-grad-input-vector";
    const tiling = quadTilesOf(name, problem.input);
    return {
      name,
      source: withWeightAccess(gradInputVectorSource, plan.access),
      launches: [
        {
          sizes: { inChannels: outChannels, outChannels: inChannels, ...tiling },
          workgroups: [...foldWorkgroups(tiling.groups), plan.blocks],
        },
      ],
      ...cost,
      statistics: { partials: tiling.groups, only: "parallel" },
    };
  }
  const tiling = tilesOf(problem.input);
  return {
    name: `conv-transpose2x2-grad-input-${variant}`,
    source: variant === "blocked" ? withWeightAccess(gradInputBlockedSource, plan.access) : gradInputSubgroupSource,
    launches: [
      {
        sizes: { ...shape, ...tiling, blockChannels: inBlock },
        workgroups: [...foldWorkgroups(tiling.groups), plan.blocks],
      },
    ],
    ...cost,
    statistics: { partials: tiling.groups },
  };
}

/**
 * Layout of the weight [ci, co, 2, 2] for `blocked` and `vector`: `forward` [blocks of 2 output channels, ci, 2, 2, 2]
 * with the output channel before the taps, `grad-input` [blocks of 8 input channels, co, 2, 2, 8].
 */
export function packConvTranspose2x2(
  inChannels: number,
  outChannels: number,
  direction: "forward" | "grad-input",
): PackedLayout {
  if (direction === "forward") {
    return packBlocks(planForward(inChannels, outChannels), (block, element) => {
      const co = block * outBlock + (Math.floor(element / taps) % outBlock);
      const ci = Math.floor(element / taps / outBlock);
      return co < outChannels ? (ci * outChannels + co) * taps + (element % taps) : noWeight;
    });
  }
  return packBlocks(planGradInput(inChannels, outChannels), (block, element) => {
    const ci = block * inBlock + (element % inBlock);
    const tap = Math.floor(element / inBlock) % taps;
    const co = Math.floor(element / inBlock / taps);
    return ci < inChannels ? (ci * outChannels + co) * taps + tap : noWeight;
  });
}

/**
 * Weight gradient of the transposed 2×2 convolution, as `partials` sums [partials, ci, co, 2, 2] that remain to be
 * summed.
 *
 * gradWeight[ci, co, dy, dx] = Σ over n, y, x of input[n, ci, y, x] · gradOutput[n, co, 2y + dy, 2x + dx]
 *
 * Slots Input (coarse grid) and GradOutput (fine grid). `serial` is `blocked` without barriers, see {@link Reduction};
 * `vector` is `tiled` for an input whose width is a multiple of 4; both make `factor` times as many partial sums.
 */
export function convTranspose2x2GradWeight(
  problem: ConvolutionProblem,
  variant: "plain" | "blocked" | "serial" | "tiled" | "vector",
  factor: WorkgroupFactor = 1,
): Kernel & { readonly partials: number } {
  const { batch, channels: inChannels, height, width } = problem.input;
  const { outChannels } = problem;
  const elements = inChannels * outChannels * taps;
  const cost = { flops: flopsOf(problem), bytes: bytesOf(problem) };
  if (variant === "plain") {
    const shape = { inChannels, outChannels, height, width };
    const workgroups = foldWorkgroups(ceilDivide(batch * elements, lanes));
    return {
      name: "conv-transpose2x2-grad-weight",
      source: gradWeightSource,
      launches: [{ sizes: { batch, ...shape }, workgroups: [...workgroups, 1] }],
      ...cost,
      partials: batch,
    };
  }
  const sharing = sharings[variant];
  const inBlocks = ceilDivide(inChannels, sharing.inBlock);
  const outBlocks = ceilDivide(outChannels, sharing.outBlock);
  const wanted = sharing.wanted(inBlocks * outBlocks, elements, batch * height * width, factor);
  const { partials, segments, segmentLength } = splitPixels(batch, height * width, wanted);
  // The kernel over quads has no loop within a tile of 16 quads.
  const rounds = variant === "vector" ? ceilDivide(segmentLength, 64) : sharing.innerTrips;
  const name = `conv-transpose2x2-grad-weight-${variant}`;
  const split = { segments, totalSegments: batch * segments, partialCount: partials };
  const extents =
    variant === "vector"
      ? { quads: quadsOf(name, problem.input), segmentQuads: segmentLength / quadPixels }
      : { width, segmentLength };
  return {
    name,
    source: sharing.source,
    launches: [
      {
        sizes: { inChannels, outChannels, height, ...extents, inBlocks, outBlocks, ...split },
        workgroups: [...foldWorkgroups(ceilDivide(partials * inBlocks * outBlocks, sharing.perGroup)), 1],
      },
    ],
    ...cost,
    ...(rounds && { innerTrips: rounds }),
    partials,
  };
}

const sharings: Readonly<Record<"blocked" | "serial" | "tiled" | "vector", WeightSharing>> = {
  blocked: { source: gradWeightBlockedSource, inBlock, outBlock, wanted: wantedPartials, perGroup: 1 },
  serial: {
    source: withSerialSums(gradWeightBlockedSource),
    inBlock,
    outBlock,
    wanted: wantedSerialPartials,
    perGroup: sumLanes,
  },
  tiled: {
    source: gradWeightTiledSource,
    inBlock: 16,
    outBlock: 4,
    wanted: wantedTilePartials,
    perGroup: 1,
    innerTrips: 16,
  },
  vector: {
    source: gradWeightVectorSource,
    inBlock: 16,
    outBlock: 4,
    wanted: wantedTilePartials,
    perGroup: 1,
  },
};
