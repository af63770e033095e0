import {
  ceilDivide,
  foldWorkgroups,
  type ImageShape,
  imageSize,
  type Kernel,
  type Reduction,
} from "../contract/kernel.js";
import { sumLanes, wantedPartials, wantedSerialPartials, wantedSubgroupPartials } from "../contract/partial-sums.js";
import { withSerialSums, withSubgroupSums } from "../transforms/lane-sums.js";
import source from "./depthwise-conv3x3.wgsl.js";
import gradWeightSource from "./depthwise-conv3x3-grad-weight.wgsl.js";

const lanes = 64;

/** Two FLOPs a tap of each output element; the images once, and the weight. */
const costOf = (input: ImageShape) => ({
  flops: 18 * imageSize(input),
  bytes: 4 * (2 * imageSize(input) + 9 * input.channels),
});

function overColumns(name: string, input: ImageShape, flip: 0 | 1): Kernel {
  const { batch, channels, height, width } = input;
  const rowTiles = ceilDivide(height, 4);
  const tiles = batch * rowTiles * width;
  const groups = ceilDivide(tiles, lanes);
  return {
    name,
    source,
    launches: [
      {
        sizes: { channels, height, width, rowTiles, tiles, groups, flip },
        workgroups: [...foldWorkgroups(groups * channels), 1],
      },
    ],
    ...costOf(input),
    statistics: { partials: groups },
  };
}

/**
 * Depthwise 3×3 convolution, stride 1, zero padding 1, no bias: input [n, c, h, w], weight [c, 1, 3, 3] → output
 * [n, c, h, w].
 *
 * output[n, c, y, x] = Σ over ky, kx of weight[c, 0, ky, kx] · input[n, c, y + ky − 1, x + kx − 1]
 *
 * Slots Input and Output, statistics of the output.
 */
export const depthwiseConv3x3 = (input: ImageShape): Kernel => overColumns("depthwise-conv3x3", input, 0);

/**
 * Input gradient of {@link depthwiseConv3x3}: the convolution of gradOutput [n, c, h, w] with the weight turned by 180°.
 *
 * Slots Input (reads gradOutput) and Output (writes the gradient), statistics of what it writes.
 */
export const depthwiseConv3x3GradInput = (input: ImageShape): Kernel =>
  overColumns("depthwise-conv3x3-grad-input", input, 1);

/**
 * Weight gradient of {@link depthwiseConv3x3}, as `partials` sums [partials, c, 1, 3, 3] that remain to be merged.
 *
 * gradWeight[c, 0, ky, kx] = Σ over n, y, x of gradOutput[n, c, y, x] · input[n, c, y + ky − 1, x + kx − 1]
 *
 * Slots Input and GradOutput.
 */
export function depthwiseConv3x3GradWeight(
  input: ImageShape,
  reduction: Reduction,
): Kernel & { readonly partials: number } {
  const { batch, channels, height, width } = input;
  const { source: text, wanted, workers, perGroup } = sharings[reduction];
  const most = wanted(channels, 9 * channels, batch * height * width);
  const stripsOf = (rows: number): number => batch * ceilDivide(height, rows) * width;
  let rows = 32;
  while (rows > 2 && stripsOf(rows) < most * workers) rows /= 2;
  const partialCount = Math.min(most, ceilDivide(stripsOf(rows), workers));
  const sizes = {
    channels,
    height,
    width,
    rowStrips: ceilDivide(height, rows),
    rows,
    strips: stripsOf(rows),
    partialCount,
  };
  return {
    name: reduction === "parallel" ? "depthwise-conv3x3-grad-weight" : `depthwise-conv3x3-grad-weight-${reduction}`,
    source: text,
    launches: [{ sizes, workgroups: [...foldWorkgroups(ceilDivide(partialCount * channels, perGroup)), 1] }],
    ...costOf(input),
    partials: partialCount,
  };
}

/** How many invocations make one sum together, and how many sums a workgroup makes. */
const sharings = {
  parallel: { source: gradWeightSource, wanted: wantedPartials, workers: sumLanes, perGroup: 1 },
  subgroup: {
    source: withSubgroupSums(gradWeightSource),
    wanted: wantedSubgroupPartials,
    workers: 8,
    perGroup: sumLanes / 8,
  },
  serial: { source: withSerialSums(gradWeightSource), wanted: wantedSerialPartials, workers: 1, perGroup: sumLanes },
} as const;
