import { markLabels } from "./class-marks.js";
import { Pixels } from "./pixels.js";
import { resample } from "./resample.js";

/** A slice and what is known of it. All arrays hold height × width values, rows from the top of the picture. */
export interface SliceView {
  /** Gray values after windowing, 0 black to 1 white; what lies outside is clipped, NaN is black. */
  readonly image: Float32Array;
  readonly width: number;
  readonly height: number;
  /** 0 is background. */
  readonly labels?: ArrayLike<number>;
  /** Distance of columns and of rows, in any one unit: gives the aspect ratio. Equal by default. */
  readonly spacing?: readonly [column: number, row: number];
}

/** Pixels of the longer edge of a single picture. */
const singleEdge = 384;
/** The most that a picture may have along an edge. */
export const largestEdge = 4096;

/**
 * The slice as a PNG, each class of its labels with an outline and a filling of its own.
 * @param edge pixels of the longer edge.
 * @throws RangeError when the arrays, the spacing or the edge do not fit.
 */
export const drawSlice = (view: SliceView, edge: number = singleEdge): Uint8Array => paintSlice(view, edge).png();

/** As {@link drawSlice}, in memory. */
export function paintSlice(view: SliceView, edge: number): Pixels {
  check(view, edge);
  const { image, width, height, labels, spacing = [1, 1] } = view;
  const [wide, high] = [width * spacing[0], height * spacing[1]];
  const scale = edge / Math.max(wide, high);
  const picture = new Pixels(Math.max(1, Math.round(wide * scale)), Math.max(1, Math.round(high * scale)));
  const clipped = image.map((value) => Math.min(1, Math.max(0, value)) || 0);
  const gray = resample(clipped, [width, height], [picture.width, picture.height]);
  for (let i = 0; i < gray.length; i++) picture.data.fill(Math.round(255 * (gray[i] ?? 0)), 3 * i, 3 * i + 3);
  if (labels !== undefined) markLabels(picture, magnified(labels, [width, height], picture));
  return picture;
}

/**
 * Labels at the extents of a picture. Where several fall on a pixel the highest counts, so that no lesion vanishes from
 * a small picture.
 */
function magnified(labels: ArrayLike<number>, [width, height]: readonly [number, number], picture: Pixels): Uint8Array {
  const range = (at: number, extent: number, shown: number): readonly [number, number] => {
    const first = Math.floor((at * extent) / shown);
    return [first, Math.max(first + 1, Math.floor(((at + 1) * extent) / shown))];
  };
  const result = new Uint8Array(picture.width * picture.height);
  for (let y = 0; y < picture.height; y++) {
    const [top, bottom] = range(y, height, picture.height);
    for (let x = 0; x < picture.width; x++) {
      const [left, right] = range(x, width, picture.width);
      let highest = 0;
      for (let b = top; b < bottom; b++) {
        for (let a = left; a < right; a++) highest = Math.max(highest, labels[b * width + a] ?? 0);
      }
      result[y * picture.width + x] = highest;
    }
  }
  return result;
}

function check({ image, width, height, labels, spacing }: SliceView, edge: number): void {
  const isExtent = (value: number): boolean => Number.isSafeInteger(value) && value >= 1;
  if (!isExtent(width) || !isExtent(height)) {
    throw new RangeError(`a slice must have whole extents from 1, got ${width} × ${height}`);
  }
  for (const [what, array] of [
    ["image has", image],
    ["labels have", labels],
  ] as const) {
    if (array !== undefined && array.length !== width * height) {
      throw new RangeError(
        `a slice of ${width} × ${height} needs ${width * height} values, its ${what} ${array.length}`,
      );
    }
  }
  if (spacing?.some((value) => !(value > 0 && Number.isFinite(value)))) {
    throw new RangeError(`the spacing of a slice must be two positive numbers, got ${spacing.join(" and ")}`);
  }
  if (!isExtent(edge) || edge > largestEdge) {
    throw new RangeError(`the edge of a picture must be 1 to ${largestEdge} pixels, got ${edge}`);
  }
}
