import {
  type ConvolutionProblem,
  ceilDivide,
  foldWorkgroups,
  type ImageShape,
  type Kernel,
} from "../contract/kernel.js";
import { type GradWeightOptions, wantedTilePartials } from "../contract/partial-sums.js";
import { quadsOf } from "../contract/quads.js";
import { withSecondImage } from "../transforms/second-image.js";
import { replaceConstant } from "../transforms/wgsl-text.js";
import gradWeightTiledSource from "./conv3x3-grad-weight-tiled.wgsl.js";
import gradWeightVectorSource from "./conv3x3-grad-weight-vector.wgsl.js";
import tiledSource from "./conv3x3-tiled.wgsl.js";

export type Cost = Pick<Kernel, "flops" | "bytes">;

/** Tiles of rows × columns that cover the images; one workgroup computes one. */
export function coverWithTiles({ input, outChannels }: ConvolutionProblem, rows: number, columns: number) {
  const { batch, channels: inChannels, height, width } = input;
  const [rowTiles, columnTiles] = [ceilDivide(height, rows), ceilDivide(width, columns)];
  return { inChannels, outChannels, height, width, rowTiles, columnTiles, tiles: batch * rowTiles * columnTiles };
}

/** Bytes of workgroup memory that every WebGPU device has. */
export const leastWorkgroupMemory = 16_384;

/** Rows of a workgroup's tile, and input channels that it brings at a time, by the bytes of workgroup memory that this takes. */
const tileSizes = [
  { bytes: 49_152, rows: 16, slab: 4 },
  { bytes: 32_768, rows: 16, slab: 2 },
  { bytes: leastWorkgroupMemory, rows: 8, slab: 2 },
] as const;

/**
 * The `tiled` variant of the convolution and of its input gradient: a workgroup computes 32 channels of a tile.
 * @param memory bytes of workgroup memory that it may use.
 */
export function conv3x3Tiled(
  problem: ConvolutionProblem,
  shortcutChannels: number,
  cost: Cost,
  memory: number,
): Kernel {
  const { rows, slab } = tileSizes.find(({ bytes }) => bytes <= memory) ?? tileSizes[2];
  const { width: _, ...cover } = coverWithTiles(problem, rows, 16);
  const quads = quadsOf("conv3x3-tiled", problem.input);
  const source = replaceConstant(replaceConstant(tiledSource, "TILE_ROWS", rows), "SLAB", slab);
  const workgroups = [...foldWorkgroups(cover.tiles), ceilDivide(problem.outChannels, 32)] as const;
  return {
    name: "conv3x3-tiled",
    source,
    ...cost,
    launches: [{ sizes: { ...cover, quads, shortcutChannels }, workgroups }],
    innerTrips: slab,
    statistics: { partials: cover.tiles, only: "parallel" },
  };
}

/** Rows and columns of the tiles of weight gradients. */
const [tileRows, tileColumns] = [8, 16];
/** Input channels of a block. */
const gradWeightInBlock = 8;

/** Whether blocks of the input's channels end where the first of two images does. */
export const splitsConv3x3 = (split: number): boolean => split % gradWeightInBlock === 0;

/**
 * A weight gradient that sums over tiles: partial sums [partials, co, ci, 3, 3].
 * @param columnsAtOnce of a row that are summed in one round of the innermost loop.
 * @param workgroupOf a block of output channels: the invocations of its workgroup.
 */
const gradWeightOverTiles =
  (
    name: string,
    sourceFor: (options: GradWeightOptions, whole: boolean) => string,
    columnsAtOnce: number,
    workgroupOf: (outBlock: 8 | 16) => number,
    sizesOf: (input: ImageShape, split: number | undefined) => Readonly<Record<string, number>>,
  ) =>
  (problem: ConvolutionProblem, cost: Cost, options: GradWeightOptions) => {
    const { factor = 1, split } = options;
    const { batch, channels, height, width } = problem.input;
    const { width: _, ...cover } = coverWithTiles(problem, tileRows, tileColumns);
    const outBlock = problem.outChannels > 8 ? 16 : 8;
    const inBlocks = ceilDivide(channels, gradWeightInBlock);
    const outBlocks = ceilDivide(problem.outChannels, outBlock);
    const blocks = inBlocks * outBlocks;
    const wanted = wantedTilePartials(blocks, channels * problem.outChannels * 9, batch * height * width, factor);
    const partialCount = Math.min(wanted, cover.tiles);
    const whole = height % tileRows === 0 && width % tileColumns === 0 && problem.outChannels % outBlock === 0;
    const slices = workgroupOf(outBlock) / (2 * outBlock);
    return {
      name,
      source: replaceConstant(sourceFor(options, whole), "OUT_BLOCK", outBlock),
      launches: [
        {
          sizes: { ...cover, ...sizesOf(problem.input, split), inBlocks, outBlocks, partialCount },
          workgroups: [...foldWorkgroups(partialCount * blocks), 1] as const,
        },
      ],
      ...cost,
      innerTrips: (tileRows / slices) * (tileColumns / columnsAtOnce),
      partials: partialCount,
    };
  };

/** The `tiled` variant of the weight gradient. */
export const conv3x3GradWeightTiled = gradWeightOverTiles(
  "conv3x3-grad-weight-tiled",
  () => gradWeightTiledSource,
  4,
  () => 128,
  ({ width }) => ({ width }),
);

const gradWeightOfTwo = withSecondImage(gradWeightVectorSource, { loadInputPart: "block" });

/** The `vector` variant of the weight gradient: of images whose width is a multiple of 4. */
export const conv3x3GradWeightVector = gradWeightOverTiles(
  "conv3x3-grad-weight-vector",
  ({ split, ahead = false }, whole) => {
    const source = split === undefined ? gradWeightVectorSource : gradWeightOfTwo;
    return replaceConstant(replaceConstant(source, "AHEAD", ahead ? 1 : 0), "WHOLE", whole ? 1 : 0);
  },
  tileColumns,
  (outBlock) => 8 * outBlock,
  ({ width }, split) => ({
    quads: quadsOf("conv3x3-grad-weight-vector", { width }),
    ...(split !== undefined && { split }),
  }),
);
