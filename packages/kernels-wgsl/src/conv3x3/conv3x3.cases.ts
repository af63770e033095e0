import type { ImageShape } from "../contract/kernel.js";
import { type ConvolutionFamily, networkLevel, smallProblem, withOutChannels } from "../testing/convolution-family.js";
import { type Conv3x3Variant, conv3x3, conv3x3GradInput, conv3x3GradWeight } from "./conv3x3.js";
import { conv3x3Reference } from "./conv3x3.reference.js";
import { packConv3x3, packConv3x3Filters } from "./conv3x3-packing.js";

const image = (batch: number, channels: number, height: number, width: number): ImageShape => ({
  batch,
  channels,
  height,
  width,
});

/** Every variant but the one for matrix units. */
export type TestedVariant = Conv3x3Variant | "vector" | "tall" | "winograd";
type Way = Parameters<typeof conv3x3GradWeight>[1];

/** The kernels, and the problems that are checked. */
export const conv3x3Family: ConvolutionFamily<TestedVariant, Way> = {
  name: "conv3x3",
  level: networkLevel,
  small: smallProblem,
  variants: ["plain", "blocked", "subgroup"],
  ways: ["plain", "blocked", "subgroup", "tiled", "serial"],
  withStatistics: ["output", "gradInput"],
  output: (problem, variant) => conv3x3(problem, variant),
  gradInput: (problem, variant) => conv3x3GradInput(problem, variant),
  gradWeight: conv3x3GradWeight,
  pack: (inChannels, outChannels, direction, variant) =>
    (variant === "winograd" ? packConv3x3Filters : packConv3x3)(inChannels, outChannels, direction),
  outShape: withOutChannels,
  weightLength: ({ input, outChannels }) => 9 * input.channels * outChannels,
  reference: conv3x3Reference,
  cases: [
    { why: "a single pixel: eight of nine taps are outside", input: image(1, 1, 1, 1), outChannels: 1 },
    { why: "one row", input: image(2, 3, 1, 9), outChannels: 5 },
    { why: "one column", input: image(1, 3, 6, 1), outChannels: 3 },
    { why: "no size divides a block", input: image(3, 5, 7, 13), outChannels: 11 },
    { why: "sizes that fill every block", input: image(2, 8, 16, 16), outChannels: 8 },
    { why: "a first layer of four channels", input: image(2, 4, 6, 7), outChannels: 6 },
    { why: "tiles of several images share a workgroup", input: image(5, 2, 3, 3), outChannels: 9 },
    { why: "strips of several row counts, several partial sums", input: image(2, 3, 37, 21), outChannels: 4 },
    {
      why: "channel blocks that together fill more than a uniform binding",
      input: image(1, 51, 5, 6),
      outChannels: 70,
    },
    { why: "one channel block that fills more than a uniform binding", input: image(1, 230, 3, 5), outChannels: 9 },
    { why: "gradient of the same, with channels swapped", input: image(1, 9, 3, 5), outChannels: 230 },
    { why: "several tiles and blocks of 32 channels, all of them cut", input: image(2, 18, 9, 17), outChannels: 34 },
  ],
};

/** The kernels of images that are read by quads. */
export const conv3x3QuadFamily: ConvolutionFamily<TestedVariant, Way> = {
  ...conv3x3Family,
  small: { input: { batch: 2, channels: 3, height: 5, width: 8 }, outChannels: 4 },
  variants: ["plain", "vector", "tall", "tiled"],
  ways: ["plain", "vector"],
  cases: [
    { why: "a row of one quad", input: image(3, 2, 1, 4), outChannels: 3 },
    { why: "three quads a row, an odd count of rows", input: image(2, 5, 7, 12), outChannels: 11 },
    {
      why: "workgroups of 16 quads by 8 rows, tiles and blocks that are whole",
      input: image(1, 3, 16, 128),
      outChannels: 8,
    },
    { why: "a first layer of four channels", input: image(2, 4, 6, 8), outChannels: 6 },
    { why: "several tiles and blocks of 32 channels, all of them cut", input: image(2, 18, 17, 20), outChannels: 34 },
    {
      why: "channel blocks that together fill more than a uniform binding",
      input: image(1, 51, 6, 8),
      outChannels: 70,
    },
  ],
};
