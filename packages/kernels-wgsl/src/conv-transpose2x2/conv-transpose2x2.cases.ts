import type { ConvolutionProblem, ImageShape } from "../contract/kernel.js";

const image = (batch: number, channels: number, height: number, width: number): ImageShape => ({
  batch,
  channels,
  height,
  width,
});

/** Problems that are checked; sizes are those of the coarse grid. */
export const convTranspose2x2Cases: readonly (ConvolutionProblem & { readonly why: string })[] = [
  { why: "a single pixel: three quarters of the tile are empty", input: image(1, 1, 1, 1), outChannels: 1 },
  { why: "one row", input: image(2, 3, 1, 9), outChannels: 5 },
  { why: "one column", input: image(1, 3, 6, 1), outChannels: 3 },
  { why: "no size divides a block", input: image(3, 5, 7, 13), outChannels: 11 },
  { why: "sizes that fill every block", input: image(2, 16, 8, 8), outChannels: 8 },
  { why: "tiles of several images share a workgroup", input: image(5, 9, 3, 3), outChannels: 2 },
  { why: "several segments, the last one short", input: image(2, 3, 37, 21), outChannels: 2 },
  { why: "blocks that together fill more than a uniform binding, forward", input: image(1, 515, 2, 3), outChannels: 9 },
  { why: "the same, backward", input: image(1, 36, 2, 3), outChannels: 131 },
];
