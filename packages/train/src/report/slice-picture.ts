import { type Colour, Pixels, writeNumber } from "./pixels.js";
import { resample } from "./resample.js";

/** A slice and what is known of it. All arrays hold height × width values, rows from the top of the picture. */
export interface SliceView {
  /** Grey values after windowing, 0 black to 1 white; what lies outside is clipped, NaN is black. */
  readonly image: Float32Array;
  readonly width: number;
  readonly height: number;
  /** Labels, 0 is background. */
  readonly truth?: ArrayLike<number>;
  readonly prediction?: ArrayLike<number>;
  /** Distance of columns and of rows, in any one unit: gives the aspect ratio. Equal by default. */
  readonly spacing?: readonly [column: number, row: number];
}

/** Colours of outlines, told apart with any colour vision and from grey. Source: Okabe and Ito 2008, but white. */
export const outlineColours = {
  truth: [240, 168, 20],
  prediction: [64, 180, 255],
  /** Where both run together. */
  both: [255, 255, 255],
} as const satisfies Record<string, Colour>;

/** Pixels of the longer edge of a single picture. */
const singleEdge = 448;
/** Pixels of the longer edge of a picture in a montage, where there is room, and where there is not. */
const [tileEdge, smallestTileEdge] = [256, 24];
/** Pixels of the longer edge of a montage. */
const montageEdge = 4096;
const gap = 2;

/**
 * The slice as a PNG with truth and prediction outlined: class 1 by a solid line, others by a dashed one. A line between
 * two classes is drawn as the higher one's.
 * @param edge pixels of the longer edge.
 * @throws RangeError when the arrays, the spacing or the edge do not fit.
 */
export const drawSlice = (view: SliceView, edge: number = singleEdge): Uint8Array => paintSlice(view, edge).png();

/** A slice of a montage, with its number if it is to be shown. */
export interface MontageTile extends SliceView {
  readonly number?: number;
}

/**
 * Slices side by side as one PNG, as {@link drawSlice} draws them, at most 4096 pixels along each edge: tiles of 256, or
 * fewer pixels where there are many.
 * @throws RangeError when there is no tile, there are more than fit, or one is not as it should be.
 */
export function montage(tiles: readonly MontageTile[], columns: number): Uint8Array {
  if (tiles.length === 0) throw new RangeError("montage: there are no slices to show");
  if (!Number.isSafeInteger(columns) || columns < 1) {
    throw new RangeError(`montage: the number of columns must be a whole number from 1, got ${columns}`);
  }
  const across = Math.min(columns, tiles.length);
  const down = Math.ceil(tiles.length / across);
  const edge = Math.min(tileEdge, Math.floor(montageEdge / Math.max(across, down)) - gap);
  if (edge < smallestTileEdge) {
    throw new RangeError(
      `montage: ${tiles.length} slices in ${columns} columns leave ${Math.max(0, edge)} pixels for each, too few to see; show fewer or change the columns`,
    );
  }
  const pictures = tiles.map((tile) => {
    const picture = paintSlice(tile, edge);
    if (tile.number !== undefined) writeNumber(picture, tile.number, 0, 0, edge >= 128 ? 2 : 1);
    return picture;
  });
  const width = Math.max(...pictures.map((picture) => picture.width));
  const height = Math.max(...pictures.map((picture) => picture.height));
  const sheet = new Pixels(across * (width + gap) - gap, down * (height + gap) - gap);
  pictures.forEach((picture, i) => {
    sheet.paste(picture, (i % across) * (width + gap), Math.floor(i / across) * (height + gap));
  });
  return sheet.png();
}

function paintSlice(view: SliceView, edge: number): Pixels {
  check(view, edge);
  const { image, width, height, truth, prediction, spacing = [1, 1] } = view;
  const [wide, high] = [width * spacing[0], height * spacing[1]];
  const scale = edge / Math.max(wide, high);
  const picture = new Pixels(Math.max(1, Math.round(wide * scale)), Math.max(1, Math.round(high * scale)));
  const clipped = image.map((value) => Math.min(1, Math.max(0, value)) || 0);
  const grey = resample(clipped, [width, height], [picture.width, picture.height]);
  for (let i = 0; i < grey.length; i++) picture.data.fill(Math.round(255 * (grey[i] ?? 0)), 3 * i, 3 * i + 3);
  const [ofTruth, ofPrediction] = [truth, prediction].map((labels) => outline(labels, view, picture));
  for (let y = 0; y < picture.height; y++) {
    for (let x = 0; x < picture.width; x++) {
      const i = y * picture.width + x;
      const { both, truth: ofOne, prediction: ofOther } = outlineColours;
      if (ofTruth?.[i] && ofPrediction?.[i]) picture.set(x, y, both);
      else if (ofTruth?.[i]) picture.set(x, y, ofOne);
      else if (ofPrediction?.[i]) picture.set(x, y, ofOther);
    }
  }
  return picture;
}

/** Which pixels of the picture lie on the border between two labels. */
function outline(labels: ArrayLike<number> | undefined, { width, height }: SliceView, picture: Pixels): Uint8Array {
  const marked = new Uint8Array(picture.width * picture.height);
  if (labels === undefined) return marked;
  const [scaleX, scaleY] = [picture.width / width, picture.height / height];
  const thickness = Math.max(picture.width, picture.height) >= 320 ? 2 : 1;
  const before = thickness >> 1;
  /** Marks a border of one label's pixel, widened on either side so that corners close. */
  const mark = (left: number, top: number, right: number, bottom: number): void => {
    for (let y = Math.max(0, top - before); y < Math.min(picture.height, bottom + thickness - before); y++) {
      const row = y * picture.width;
      marked.fill(1, row + Math.max(0, left - before), row + Math.min(picture.width, right + thickness - before));
    }
  };
  /** Dashes are about 5 pixels, counted along the border in whole label pixels so that slanted borders show them too. */
  const inDash = (label: number, place: number, scale: number): boolean =>
    label <= 1 || Math.floor(place / Math.max(1, Math.round(5 / scale))) % 2 === 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const label = labels[y * width + x] ?? 0;
      const right = x + 1 < width ? (labels[y * width + x + 1] ?? 0) : label;
      const below = y + 1 < height ? (labels[(y + 1) * width + x] ?? 0) : label;
      const [left, top] = [Math.round(x * scaleX), Math.round(y * scaleY)];
      const [end, bottom] = [Math.round((x + 1) * scaleX), Math.round((y + 1) * scaleY)];
      if (right !== label && inDash(Math.max(label, right), y, scaleY)) mark(end, top, end, bottom);
      if (below !== label && inDash(Math.max(label, below), x, scaleX)) mark(left, bottom, end, bottom);
    }
  }
  return marked;
}

function check({ image, width, height, truth, prediction, spacing }: SliceView, edge: number): void {
  const isExtent = (value: number): boolean => Number.isSafeInteger(value) && value >= 1;
  if (!isExtent(width) || !isExtent(height)) {
    throw new RangeError(`a slice must have whole extents from 1, got ${width} × ${height}`);
  }
  for (const [name, array] of Object.entries({ image, truth, prediction })) {
    if (array !== undefined && array.length !== width * height) {
      throw new RangeError(
        `a slice of ${width} × ${height} needs ${width * height} values, its ${name} has ${array.length}`,
      );
    }
  }
  if (spacing?.some((value) => !(value > 0 && Number.isFinite(value)))) {
    throw new RangeError(`the spacing of a slice must be two positive numbers, got ${spacing.join(" and ")}`);
  }
  if (!isExtent(edge) || edge > montageEdge) {
    throw new RangeError(`the edge of a picture must be 1 to ${montageEdge} pixels, got ${edge}`);
  }
}
