import { ceilDivide } from "../contract/kernel.js";
import { noWeight, type PackedLayout, packBlocks, planWeight } from "../contract/packing.js";
import { filterIndex } from "../contract/winograd.js";

/** Output channels of a block. */
export const channelBlock = 8;

/** The blocks of a packed weight, whose rows have 3 taps or Winograd's 6 sums of them. */
export const planConv3x3 = (inChannels: number, outChannels: number, columns: 3 | 6) =>
  planWeight(inChannels * 3 * columns * channelBlock, ceilDivide(outChannels, channelBlock));

type Direction = "forward" | "grad-input";

/** A place in a packed weight, and the weights that it is made of: those of a row, the first of them at `first`. */
interface RowAt {
  readonly first: number;
  readonly column: number;
}

function packRows(
  [inChannels, outChannels, direction]: readonly [number, number, Direction],
  columns: 3 | 6,
  indexOf: (at: RowAt) => number,
): PackedLayout {
  const forward = direction === "forward";
  const written = forward ? outChannels : inChannels;
  return packBlocks(planConv3x3(forward ? inChannels : outChannels, written, columns), (block, element) => {
    const writes = block * channelBlock + (element % channelBlock);
    const place = Math.floor(element / channelBlock);
    const column = place % columns;
    const row = Math.floor(place / columns) % 3;
    const reads = Math.floor(place / columns / 3);
    if (writes >= written) return noWeight;
    const first = forward
      ? (writes * inChannels + reads) * 9 + 3 * row
      : (reads * inChannels + writes) * 9 + 8 - 3 * row;
    return indexOf({ first, column });
  });
}

/**
 * Layout of the weight [co, ci, 3, 3] for `blocked`, `vector` and `tall`: [blocks of 8 written channels, read channels, 9, 8].
 * Channels are those of the forward convolution.
 */
export const packConv3x3 = (inChannels: number, outChannels: number, direction: Direction): PackedLayout =>
  packRows([inChannels, outChannels, direction], 3, ({ first, column }) =>
    direction === "forward" ? first + column : first - column,
  );

/** The same for `winograd`: [blocks of 8 written channels, read channels, 3, 6, 8], six sums of the taps of each row. */
export const packConv3x3Filters = (inChannels: number, outChannels: number, direction: Direction): PackedLayout => ({
  ...packRows([inChannels, outChannels, direction], 6, ({ first, column }) =>
    filterIndex(first, column, direction === "grad-input"),
  ),
  kind: "filters",
});
