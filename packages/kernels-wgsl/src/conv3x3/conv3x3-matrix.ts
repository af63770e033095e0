import { type ConvolutionProblem, ceilDivide, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import { wantedTilePartials } from "../contract/partial-sums.js";
import { quadsOf } from "../contract/quads.js";
import gradWeightSource from "./conv3x3-grad-weight-matrix.wgsl.js";
import matrixSource from "./conv3x3-matrix.wgsl.js";
import { type Cost, coverWithTiles } from "./conv3x3-tiled.js";

/** Bytes of workgroup memory that a device must have for the kernels for matrix units. */
export const matrixMemory = 32_768;

/** Output channels of a workgroup, and input channels of one of the weight gradient. */
const block = 32;

/** The `matrix` variant of the convolution and of its input gradient. */
export function conv3x3Matrix(problem: ConvolutionProblem, shortcutChannels: number, cost: Cost): Kernel {
  const { width: _, ...cover } = coverWithTiles(problem, 16, 16);
  const quads = quadsOf("conv3x3-matrix", problem.input);
  const workgroups = [...foldWorkgroups(cover.tiles), ceilDivide(problem.outChannels, block)] as const;
  return {
    name: "conv3x3-matrix",
    source: matrixSource,
    ...cost,
    launches: [{ sizes: { ...cover, quads, shortcutChannels }, workgroups }],
    statistics: { partials: cover.tiles, only: "parallel" },
  };
}

/** The `matrix` variant of the weight gradient: partial sums [partials, co, ci, 3, 3]. */
export function conv3x3GradWeightMatrix(problem: ConvolutionProblem, cost: Cost) {
  const { input, outChannels } = problem;
  const { width: _, ...cover } = coverWithTiles(problem, 8, 16);
  const [inBlocks, outBlocks] = [ceilDivide(input.channels, block), ceilDivide(outChannels, block)];
  const blocks = inBlocks * outBlocks;
  const elements = 9 * input.channels * outChannels;
  const wanted = wantedTilePartials(blocks, elements, input.batch * input.height * input.width);
  const partialCount = Math.min(wanted, cover.tiles);
  const quads = quadsOf("conv3x3-grad-weight-matrix", input);
  return {
    name: "conv3x3-grad-weight-matrix",
    source: gradWeightSource,
    ...cost,
    launches: [
      {
        sizes: { ...cover, quads, inBlocks, outBlocks, partialCount },
        workgroups: [...foldWorkgroups(partialCount * blocks), 1] as const,
      },
    ],
    partials: partialCount,
  };
}
