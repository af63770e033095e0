import type { ConvolutionProblem, ImageShape, Reduction } from "../contract/kernel.js";
import { type ConvolutionFamily, networkLevel, smallProblem } from "../testing/convolution-family.js";
import {
  type Conv2dVariant,
  type Conv2dWindow,
  conv2d,
  conv2dGradInput,
  conv2dGradWeight,
  conv2dShape,
  packConv2d,
} from "./conv2d.js";
import { conv2dReference } from "./conv2d.reference.js";

const image = (batch: number, channels: number, height: number, width: number): ImageShape => ({
  batch,
  channels,
  height,
  width,
});

type Cases = ConvolutionFamily<Conv2dVariant, Reduction>["cases"];

/** The kernels of one window, and the problems that are checked. */
function familyOf(name: string, window: Conv2dWindow, cases: Cases): ConvolutionFamily<Conv2dVariant, Reduction> {
  const of = (problem: ConvolutionProblem) => ({ ...problem, ...window });
  const taps = window.kernel[0] * window.kernel[1];
  return {
    name,
    level: networkLevel,
    small: smallProblem,
    variants: ["blocked", "looped"],
    ways: ["parallel", "serial", "subgroup"],
    withStatistics: [],
    output: (problem, variant) => conv2d(of(problem), variant),
    gradInput: (problem, variant) => conv2dGradInput(of(problem), variant),
    gradWeight: (problem, way) => conv2dGradWeight(of(problem), way),
    pack: (inChannels, outChannels, direction) => packConv2d(inChannels, outChannels, direction, window.kernel),
    outShape: (problem) => conv2dShape(of(problem)),
    weightLength: ({ input, outChannels }) => taps * input.channels * outChannels,
    reference: (x, input, weight, outChannels) => conv2dReference(x, of({ input, outChannels }), weight),
    cases,
  };
}

/** 3×3 with stride 2, as between the levels of an encoder. */
export const strided3x3Family = familyOf("conv2d 3×3 stride 2", { kernel: [3, 3], stride: [2, 2], padding: [1, 1] }, [
  { why: "a single pixel: eight of nine taps are outside", input: image(1, 1, 1, 1), outChannels: 1 },
  { why: "one row", input: image(2, 3, 1, 9), outChannels: 5 },
  { why: "one column", input: image(1, 3, 6, 1), outChannels: 3 },
  { why: "odd extents, no size divides a block", input: image(3, 5, 7, 13), outChannels: 11 },
  { why: "even extents that fill every block", input: image(2, 16, 16, 16), outChannels: 8 },
  { why: "tiles of several images share a workgroup", input: image(5, 9, 3, 3), outChannels: 2 },
  { why: "several segments, the last one short", input: image(2, 3, 75, 43), outChannels: 2 },
  { why: "a first layer of two channels", input: image(2, 2, 6, 7), outChannels: 5 },
  { why: "a first layer of four channels", input: image(2, 4, 6, 7), outChannels: 6 },
  { why: "blocks that together fill more than a uniform binding", input: image(1, 66, 2, 3), outChannels: 36 },
]);

/** Windows that differ by axis or have no padding; an odd last row or column is seen by no tap of some of them. */
export const otherFamilies = [
  familyOf("conv2d 1×3 stride 1×2", { kernel: [1, 3], stride: [1, 2], padding: [0, 1] }, [
    { why: "odd extents", input: image(2, 3, 5, 7), outChannels: 9 },
  ]),
  familyOf("conv2d 3×1 stride 2×1", { kernel: [3, 1], stride: [2, 1], padding: [1, 0] }, [
    { why: "odd extents", input: image(2, 3, 5, 7), outChannels: 9 },
  ]),
  familyOf("conv2d 1×1 stride 2", { kernel: [1, 1], stride: [2, 2], padding: [0, 0] }, [
    { why: "pixels that no tap sees", input: image(2, 3, 5, 8), outChannels: 9 },
  ]),
  familyOf("conv2d 2×2 stride 2", { kernel: [2, 2], stride: [2, 2], padding: [0, 0] }, [
    { why: "even extents", input: image(2, 3, 6, 8), outChannels: 9 },
    { why: "a last row and column that no tap sees", input: image(2, 3, 5, 7), outChannels: 2 },
  ]),
  familyOf("conv2d 5×3, stride 3×1", { kernel: [5, 3], stride: [3, 1], padding: [2, 1] }, [
    { why: "phases of one tap and of two", input: image(1, 3, 8, 5), outChannels: 2 },
  ]),
];

/** A convolution that sees one pixel in 300 × 300. */
export const sparseFamily = familyOf(
  "conv2d 1×1 stride 300",
  { kernel: [1, 1], stride: [300, 300], padding: [0, 0] },
  [],
);
