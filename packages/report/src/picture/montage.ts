import { fitted, textHeight, textWidth, writeText } from "./bitmap-text.js";
import { swatch } from "./class-marks.js";
import { black, type Color, Pixels, white } from "./pixels.js";
import { largestEdge, paintSlice, type SliceView } from "./slice-picture.js";

/** A slice of a montage. */
export interface MontageTile extends SliceView {
  /** Written in its corner, such as its number. */
  readonly mark?: string;
  /** Lines below it; what is too long for the tile is cut. */
  readonly caption?: readonly string[];
}

/** A class of a legend. */
export interface LegendEntry {
  /** From 1. */
  readonly label: number;
  readonly text: string;
}

/** What stands below the tiles of a montage. */
export interface MontageText {
  /** Lines of text. */
  readonly notes?: readonly string[];
  readonly legend?: readonly LegendEntry[];
  /** A bar from black to white with the values at its ends and in the middle. */
  readonly scale?: readonly [low: string, middle: string, high: string];
}

/** Pixels of the longer edge of a tile where there is room, and where there is not. */
const [tileEdge, smallestTileEdge] = [256, 24];
const gap = 2;
const pale: Color = [200, 205, 210];
/** Pixels of a dot of the letters below the tiles, and the height of a line of them. */
const dot = 2;
const line = textHeight(dot) + 6;

/**
 * Slices side by side as one PNG, as {@link drawSlice} draws them, at most 4096 pixels along each edge: tiles of 256, or
 * fewer pixels where there are many; below them notes, a legend and a scale.
 * @throws RangeError when there is no tile, there are more than fit, or one is not as it should be.
 */
export function montage(tiles: readonly MontageTile[], columns: number, text: MontageText = {}): Uint8Array {
  const { across, down, edge } = layoutOf(tiles, columns);
  const pictures = tiles.map((tile) => {
    const picture = paintSlice(tile, edge);
    if (tile.mark !== undefined) writeMark(picture, tile.mark, edge >= 128 ? 2 : 1);
    return picture;
  });
  const width = Math.max(...pictures.map((picture) => picture.width));
  const lines = Math.max(...tiles.map(({ caption = [] }) => caption.length));
  const height = Math.max(...pictures.map((picture) => picture.height)) + lines * line;
  const wide = across * (width + gap) - gap;
  const rows = footerOf(text, wide);
  const sheet = new Pixels(wide, down * (height + gap) - gap + rows.length * line + (rows.length > 0 ? 8 : 0));
  pictures.forEach((picture, i) => {
    const [left, top] = [(i % across) * (width + gap), Math.floor(i / across) * (height + gap)];
    sheet.paste(picture, left, top);
    (tiles[i]?.caption ?? []).forEach((each, n) => {
      // Smaller letters before a cut.
      const size = textWidth(each, dot) <= width ? dot : 1;
      writeText(sheet, fitted(each, width, size), left, top + height - (lines - n) * line + 6, size, pale);
    });
  });
  rows.forEach((draw, n) => {
    draw(sheet, down * (height + gap) - gap + 8 + n * line);
  });
  return sheet.png();
}

function layoutOf(tiles: readonly MontageTile[], columns: number) {
  if (tiles.length === 0) throw new RangeError("montage: there are no slices to show");
  if (!Number.isSafeInteger(columns) || columns < 1) {
    throw new RangeError(`montage: the number of columns must be a whole number from 1, got ${columns}`);
  }
  const across = Math.min(columns, tiles.length);
  const down = Math.ceil(tiles.length / across);
  const edge = Math.min(tileEdge, Math.floor(largestEdge / Math.max(across, down)) - gap);
  if (edge < smallestTileEdge) {
    throw new RangeError(
      `montage: ${tiles.length} slices in ${columns} columns leave ${Math.max(0, edge)} pixels for each, too few to see; show fewer or change the columns`,
    );
  }
  return { across, down, edge };
}

function writeMark(picture: Pixels, text: string, size: number): void {
  picture.fill(0, 0, textWidth(text, size) + size, textHeight(size), black);
  writeText(picture, text, size, size, size, white);
}

type Row = (sheet: Pixels, top: number) => void;

/** The lines below the tiles: entries of the legend share one as far as they fit. */
function footerOf({ notes = [], legend = [], scale }: MontageText, width: number): Row[] {
  const written = (text: string, color: Color): Row[] =>
    wrapped(text, width).map((part) => (sheet, top) => writeText(sheet, part, 2, top, dot, color));
  const side = textHeight(dot);
  const rows: { entry: LegendEntry; left: number; text: string }[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const entry of legend) {
    const text = fitted(entry.text, width - side - 10, dot);
    const needed = side + 8 + textWidth(text, dot) + 16;
    if (used + needed > width + 16) {
      rows.push([]);
      used = 0;
    }
    rows.at(-1)?.push({ entry, left: used, text });
    used += needed;
  }
  return [
    ...rows.map(
      (row): Row =>
        (sheet, top) => {
          for (const { entry, left, text } of row) {
            sheet.paste(swatch(entry.label, side), left, top - 1);
            writeText(sheet, text, left + side + 8, top + 2, dot, white);
          }
        },
    ),
    ...(scale === undefined ? [] : scaleRows(scale, width)),
    ...notes.flatMap((note) => written(note, pale)),
  ];
}

/** A bar of gray values and the numbers below it. */
function scaleRows([low, middle, high]: readonly [string, string, string], width: number): Row[] {
  const length = Math.min(width, 320);
  return [
    (sheet, top) => {
      for (let x = 0; x < length; x++) {
        const value = Math.round((255 * x) / Math.max(1, length - 1));
        sheet.fill(x, top, 1, line - 6, [value, value, value]);
      }
      // A black end is not seen on black without a frame.
      sheet.fill(0, top, length, 1, pale);
      sheet.fill(0, top + line - 7, length, 1, pale);
      sheet.fill(0, top, 1, line - 6, pale);
    },
    (sheet, top) => {
      writeText(sheet, low, 0, top, dot, pale);
      writeText(sheet, middle, Math.round((length - textWidth(middle, dot)) / 2), top, dot, pale);
      writeText(sheet, high, length - textWidth(high, dot), top, dot, pale);
    },
  ];
}

/** A text in lines that fit a width; a word that fits none is cut. */
function wrapped(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1) ?? "";
    const longer = last === "" ? word : `${last} ${word}`;
    if (last !== "" && textWidth(longer, dot) > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines.map((each) => fitted(each, width, dot));
}
