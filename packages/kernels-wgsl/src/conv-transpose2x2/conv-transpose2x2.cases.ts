import type { ImageShape } from "../contract/kernel.js";
import { type ConvolutionFamily, networkLevel, smallProblem } from "../testing/convolution-family.js";
import {
  type ConvTranspose2x2Variant,
  convTranspose2x2,
  convTranspose2x2GradInput,
  convTranspose2x2GradWeight,
  packConvTranspose2x2,
} from "./conv-transpose2x2.js";
import { convTranspose2x2Reference } from "./conv-transpose2x2.reference.js";

const image = (batch: number, channels: number, height: number, width: number): ImageShape => ({
  batch,
  channels,
  height,
  width,
});

type Way = Parameters<typeof convTranspose2x2GradWeight>[1];

/** The kernels, and the problems that are checked; sizes are those of the coarse grid. */
export const convTranspose2x2Family: ConvolutionFamily<ConvTranspose2x2Variant, Way> = {
  name: "convTranspose2x2",
  level: networkLevel,
  small: smallProblem,
  variants: ["plain", "blocked", "subgroup"],
  ways: ["plain", "blocked", "serial", "tiled"],
  withStatistics: ["gradInput"],
  output: convTranspose2x2,
  gradInput: convTranspose2x2GradInput,
  gradWeight: convTranspose2x2GradWeight,
  pack: packConvTranspose2x2,
  outShape: ({ input, outChannels }) => ({
    ...input,
    channels: outChannels,
    height: 2 * input.height,
    width: 2 * input.width,
  }),
  weightLength: ({ input, outChannels }) => 4 * input.channels * outChannels,
  reference: convTranspose2x2Reference,
  cases: [
    { why: "a single pixel: three quarters of the tile are empty", input: image(1, 1, 1, 1), outChannels: 1 },
    { why: "one row", input: image(2, 3, 1, 9), outChannels: 5 },
    { why: "one column", input: image(1, 3, 6, 1), outChannels: 3 },
    { why: "no size divides a block", input: image(3, 5, 7, 13), outChannels: 11 },
    { why: "sizes that fill every block", input: image(2, 16, 8, 8), outChannels: 8 },
    { why: "tiles of several images share a workgroup", input: image(5, 9, 3, 3), outChannels: 2 },
    { why: "several segments, the last one short", input: image(2, 3, 37, 21), outChannels: 2 },
    {
      why: "blocks that together fill more than a uniform binding, forward",
      input: image(1, 515, 2, 3),
      outChannels: 9,
    },
    { why: "the same, backward", input: image(1, 36, 2, 3), outChannels: 131 },
  ],
};

/** The kernels of images that are read by quads. */
export const convTranspose2x2QuadFamily: ConvolutionFamily<ConvTranspose2x2Variant, Way> = {
  ...convTranspose2x2Family,
  small: { input: { batch: 2, channels: 3, height: 5, width: 8 }, outChannels: 4 },
  variants: ["plain", "vector"],
  ways: ["plain", "vector"],
  cases: [
    { why: "a single quad", input: image(1, 1, 1, 4), outChannels: 1 },
    { why: "three quads a row, blocks that are cut", input: image(3, 5, 7, 12), outChannels: 11 },
    { why: "several segments, the last one short", input: image(2, 18, 37, 20), outChannels: 5 },
  ],
};
