import type { ImageShape, Reduction } from "../contract/kernel.js";
import { type ConvolutionFamily, networkLevel, smallProblem } from "../testing/convolution-family.js";
import { depthwiseConv3x3, depthwiseConv3x3GradInput, depthwiseConv3x3GradWeight } from "./depthwise-conv3x3.js";
import { depthwiseConv3x3Reference } from "./depthwise-conv3x3.reference.js";

const image = (batch: number, channels: number, height: number, width: number): ImageShape => ({
  batch,
  channels,
  height,
  width,
});

/** The kernels, and the problems that are checked: each output channel is an input channel's. */
export const depthwiseConv3x3Family: ConvolutionFamily<"plain", Reduction> = {
  name: "depthwiseConv3x3",
  level: { ...networkLevel, outChannels: networkLevel.input.channels },
  small: { ...smallProblem, outChannels: smallProblem.input.channels },
  variants: ["plain"],
  ways: ["parallel", "serial", "subgroup"],
  withStatistics: ["output", "gradInput"],
  output: ({ input }) => depthwiseConv3x3(input),
  gradInput: ({ input }) => depthwiseConv3x3GradInput(input),
  gradWeight: ({ input }, way) => depthwiseConv3x3GradWeight(input, way),
  outShape: ({ input }) => input,
  weightLength: ({ input }) => 9 * input.channels,
  reference: depthwiseConv3x3Reference,
  cases: [
    { why: "a single pixel: eight of nine taps are outside", input: image(1, 1, 1, 1), outChannels: 1 },
    { why: "one row", input: image(2, 3, 1, 9), outChannels: 3 },
    { why: "one column", input: image(1, 3, 6, 1), outChannels: 3 },
    { why: "no size divides a tile", input: image(3, 5, 7, 13), outChannels: 5 },
    { why: "sizes that fill every tile", input: image(2, 8, 16, 16), outChannels: 8 },
    { why: "a workgroup holds columns of several images", input: image(5, 2, 3, 3), outChannels: 2 },
    {
      why: "several workgroups of a channel, several partial sums",
      input: image(2, 3, 37, 21),
      outChannels: 3,
    },
  ],
};
