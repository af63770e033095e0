import { type ConvolutionProblem, ceilDivide, foldWorkgroups, type Launch } from "../contract/kernel.js";
import { quadsOf } from "../contract/quads.js";

const lanes = 64;

/** The bits of the largest power of two that divides a count and is at most 2^most. */
function bitsOf(count: number, most: number): number {
  let bits = 0;
  while (bits < most && count % 2 ** (bits + 1) === 0) bits++;
  return bits;
}

/** What the kernels over quads differ in. */
interface QuadTiling {
  /** Rows of a tile. */
  readonly rows: number;
  /** Of 8 output channels. */
  readonly blocks: number;
  readonly shortcutChannels: number;
}

/** Sizes and workgroups of conv3x3-vector.wgsl and conv3x3-tall.wgsl. */
export function quadLaunch(
  name: string,
  { input, outChannels }: ConvolutionProblem,
  { rows, blocks, shortcutChannels }: QuadTiling,
) {
  const { batch, channels: inChannels, height } = input;
  const quads = quadsOf(name, input);
  const rowTiles = ceilDivide(height, rows);
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
