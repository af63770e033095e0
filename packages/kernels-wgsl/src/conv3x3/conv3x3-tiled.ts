import { ceilDivide, foldWorkgroups, type ImageShape, type Kernel } from "../shared/kernel.js";
import { wantedPartials } from "../shared/partial-sums.js";
import gradWeightTiledSource from "./conv3x3-grad-weight-tiled.wgsl.js";
import tiledSource from "./conv3x3-tiled.wgsl.js";

interface Problem {
  readonly input: ImageShape;
  readonly outChannels: number;
}

type Cost = Pick<Kernel, "flops" | "bytes">;

/** Tiles of rows × columns that cover the images; one workgroup computes one. */
export function coverWithTiles({ input, outChannels }: Problem, rows: number, columns: number) {
  const { batch, channels: inChannels, height, width } = input;
  const [rowTiles, columnTiles] = [ceilDivide(height, rows), ceilDivide(width, columns)];
  return { inChannels, outChannels, height, width, rowTiles, columnTiles, tiles: batch * rowTiles * columnTiles };
}

/** The `tiled` variant of the convolution and of its input gradient; the weight is read by strides. */
export function conv3x3Tiled(
  problem: Problem,
  strides: { readonly outStride: number; readonly inStride: number; readonly flip: 0 | 1 },
  cost: Cost,
): Kernel {
  const cover = coverWithTiles(problem, 8, 16);
  return {
    name: "conv3x3-tiled",
    source: tiledSource,
    launches: [
      {
        sizes: { ...cover, ...strides },
        workgroups: [...foldWorkgroups(cover.tiles), ceilDivide(problem.outChannels, 32)],
      },
    ],
    ...cost,
    statistics: { partials: cover.tiles, only: "parallel" },
  };
}

/** The `tiled` variant of the weight gradient: partial sums [partials, co, ci, 3, 3]. */
export function conv3x3GradWeightTiled(problem: Problem, cost: Cost): Kernel & { readonly partials: number } {
  const { batch, channels, height, width } = problem.input;
  const cover = coverWithTiles(problem, 4, 16);
  const inBlocks = ceilDivide(channels, 16);
  const outBlocks = ceilDivide(problem.outChannels, 32);
  const blocks = inBlocks * outBlocks;
  const wanted = wantedPartials(blocks, channels * problem.outChannels * 9, batch * height * width);
  const partialCount = Math.min(wanted, cover.tiles);
  return {
    name: "conv3x3-grad-weight-tiled",
    source: gradWeightTiledSource,
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
