import { type ConvolutionProblem, ceilDivide, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import { wantedTilePartials } from "../contract/partial-sums.js";
import { replaceConstant } from "../transforms/wgsl-text.js";
import gradWeightTiledSource from "./conv3x3-grad-weight-tiled.wgsl.js";
import matrixSource from "./conv3x3-matrix.wgsl.js";
import tiledSource from "./conv3x3-tiled.wgsl.js";

type Cost = Pick<Kernel, "flops" | "bytes">;

/** Tiles of rows × columns that cover the images; one workgroup computes one. */
function coverWithTiles({ input, outChannels }: ConvolutionProblem, rows: number, columns: number) {
  const { batch, channels: inChannels, height, width } = input;
  const [rowTiles, columnTiles] = [ceilDivide(height, rows), ceilDivide(width, columns)];
  return { inChannels, outChannels, height, width, rowTiles, columnTiles, tiles: batch * rowTiles * columnTiles };
}

/** A convolution of which a workgroup computes 32 channels × 8 rows × 16 columns; the weight is read by strides. */
const overTiles =
  (name: string, source: string) =>
  (problem: ConvolutionProblem, strides: Readonly<Record<string, number>>, cost: Cost): Kernel => {
    const cover = coverWithTiles(problem, 8, 16);
    const workgroups = [...foldWorkgroups(cover.tiles), ceilDivide(problem.outChannels, 32)] as const;
    return {
      name,
      source,
      ...cost,
      launches: [{ sizes: { ...cover, ...strides }, workgroups }],
      statistics: { partials: cover.tiles, only: "parallel" },
    };
  };

/** The `tiled` variant of the convolution and of its input gradient. */
export const conv3x3Tiled = overTiles("conv3x3-tiled", tiledSource);

/** The `matrix` variant of the convolution and of its input gradient. */
export const conv3x3Matrix = overTiles("conv3x3-matrix", matrixSource);

/** The `tiled` variant of the weight gradient: partial sums [partials, co, ci, 3, 3]. */
export function conv3x3GradWeightTiled(
  problem: ConvolutionProblem,
  cost: Cost,
): Kernel & { readonly partials: number } {
  const { batch, channels, height, width } = problem.input;
  const cover = coverWithTiles(problem, 8, 16);
  const outBlock = problem.outChannels > 8 ? 16 : 8;
  const inBlocks = ceilDivide(channels, 8);
  const outBlocks = ceilDivide(problem.outChannels, outBlock);
  const blocks = inBlocks * outBlocks;
  const wanted = wantedTilePartials(blocks, channels * problem.outChannels * 9, batch * height * width);
  const partialCount = Math.min(wanted, cover.tiles);
  return {
    name: "conv3x3-grad-weight-tiled",
    source: replaceConstant(gradWeightTiledSource, "OUT_BLOCK", outBlock),
    launches: [
      {
        sizes: { ...cover, inBlocks, outBlocks, partialCount },
        workgroups: [...foldWorkgroups(partialCount * blocks), 1],
      },
    ],
    ...cost,
    partials: partialCount,
  };
}
