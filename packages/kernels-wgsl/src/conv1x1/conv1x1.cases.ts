import type { ImageShape } from "../contract/kernel.js";
import { type ConvolutionFamily, networkLevel, smallProblem, withOutChannels } from "../testing/convolution-family.js";
import { type Conv1x1Variant, conv1x1, conv1x1GradInput, conv1x1GradWeight, packConv1x1 } from "./conv1x1.js";
import { conv1x1Reference } from "./conv1x1.reference.js";

const image = (batch: number, channels: number, height: number, width: number): ImageShape => ({
  batch,
  channels,
  height,
  width,
});

type Way = Parameters<typeof conv1x1GradWeight>[1];

/** The kernels, and the problems that are checked. */
export const conv1x1Family: ConvolutionFamily<Conv1x1Variant, Way> = {
  name: "conv1x1",
  level: networkLevel,
  small: smallProblem,
  variants: ["plain", "blocked", "subgroup"],
  ways: ["plain", "blocked", "serial", "tiled"],
  withStatistics: ["output", "gradInput"],
  output: (problem, variant) => conv1x1(problem, variant),
  gradInput: conv1x1GradInput,
  gradWeight: (problem, way) => conv1x1GradWeight(problem, way),
  pack: packConv1x1,
  outShape: withOutChannels,
  weightLength: ({ input, outChannels }) => input.channels * outChannels,
  reference: conv1x1Reference,
  cases: [
    { why: "a single pixel: three quarters of the tile are empty", input: image(1, 1, 1, 1), outChannels: 1 },
    { why: "one row", input: image(2, 3, 1, 9), outChannels: 5 },
    { why: "one column", input: image(1, 3, 6, 1), outChannels: 3 },
    { why: "no size divides a block", input: image(3, 5, 7, 13), outChannels: 11 },
    { why: "sizes that fill every block", input: image(2, 8, 16, 16), outChannels: 8 },
    { why: "a first layer of four channels", input: image(2, 4, 6, 7), outChannels: 6 },
    { why: "tiles of several images share a workgroup", input: image(5, 2, 3, 3), outChannels: 9 },
    { why: "several segments, the last one short", input: image(2, 3, 37, 21), outChannels: 4 },
    {
      why: "blocks that together fill more than a uniform binding, forward",
      input: image(1, 515, 2, 3),
      outChannels: 36,
    },
    { why: "the same, backward", input: image(1, 36, 2, 3), outChannels: 515 },
  ],
};

/** The kernels of images that are read by quads. */
export const conv1x1QuadFamily: ConvolutionFamily<Conv1x1Variant, Way> = {
  ...conv1x1Family,
  small: { input: { batch: 2, channels: 3, height: 5, width: 8 }, outChannels: 4 },
  variants: ["plain", "vector"],
  ways: ["plain", "vector"],
  cases: [
    { why: "a single quad", input: image(1, 1, 1, 4), outChannels: 1 },
    { why: "tiles of 64 quads, several segments, the last one short", input: image(2, 3, 37, 20), outChannels: 4 },
    { why: "a first layer of two channels", input: image(2, 2, 5, 8), outChannels: 6 },
    { why: "blocks of 4 by 8 channels", input: image(1, 4, 9, 24), outChannels: 7 },
    { why: "blocks of 8 by 8 channels, several sums at the end", input: image(2, 7, 9, 24), outChannels: 8 },
    { why: "blocks of 16 by 8 channels", input: image(1, 12, 3, 8), outChannels: 5 },
    { why: "blocks of 16 channels, cut", input: image(3, 18, 7, 12), outChannels: 21 },
    {
      why: "blocks that together fill more than a uniform binding",
      input: image(1, 515, 3, 4),
      outChannels: 36,
    },
    { why: "blocks of 8 by 16 channels", input: image(2, 8, 16, 16), outChannels: 16 },
  ],
};
