import { type ConvolutionProblem, ceilDivide, foldWorkgroups, type Launch } from "../contract/kernel.js";

/** Pixels of a quad, and rows of a tile. */
const quadPixels = 4;
const tileRows = 2;
const lanes = 64;

/** Whether images of that width can be read by quads. */
export const hasQuads = ({ width }: { readonly width: number }): boolean => width % quadPixels === 0;

/** The bits of the largest power of two that divides a count and is at most 2^most. */
function bitsOf(count: number, most: number): number {
  let bits = 0;
  while (bits < most && count % 2 ** (bits + 1) === 0) bits++;
  return bits;
}

/** Sizes and workgroups of conv3x3-vector.wgsl; `blocks` of 8 output channels. */
export function vectorLaunch({ input, outChannels }: ConvolutionProblem, blocks: number, shortcutChannels: number) {
  const { batch, channels: inChannels, height, width } = input;
  const quads = width / quadPixels;
  const rowTiles = ceilDivide(height, tileRows);
  // Tiles of a workgroup are 16 side by side and 4 below one another, where the extents allow: few rows are read twice.
  const columnBits = bitsOf(quads, 4);
  const rowBits = bitsOf(rowTiles, 2);
  const tiles = batch * rowTiles * quads;
  const sizes = {
    inChannels,
    outChannels,
    height,
    quads,
    columnBits,
    rowBits,
    columnGroups: quads / 2 ** columnBits,
    rowGroups: rowTiles / 2 ** rowBits,
    tiles,
    groups: ceilDivide(tiles, lanes),
    shortcutChannels,
  };
  return { sizes, workgroups: [...foldWorkgroups(sizes.groups), blocks] } as const satisfies Launch;
}
