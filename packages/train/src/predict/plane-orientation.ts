import type { VoxelArray } from "@lobule/data";

/** How the slices of a file lie, compared with canonical ones: rows from the back, columns from the left. */
export interface PlaneOrientation {
  /** Whether the file's first axis is the canonical second. */
  readonly swapped: boolean;
  readonly flipX: boolean;
  readonly flipY: boolean;
}

/**
 * How axial slices are stored, from an orientation such as "LPS" (the direction in which each axis grows). Undefined
 * where the last axis is not the body's: its slices are not axial.
 */
export function planeOrientation(orientation: string): PlaneOrientation | undefined {
  const [first = "", second = "", third = ""] = orientation;
  if (!"SI".includes(third) || third === "") return undefined;
  const swapped = "AP".includes(first);
  const axes = [first, second];
  return { swapped, flipX: axes.includes("L"), flipY: axes.includes("P") };
}

/**
 * A stored slice in canonical order, x (to the right) fastest, then y (to the front): a new array of the same type, or
 * the array itself where that is the order it has.
 * @param width,height extents as stored.
 */
export function toCanonicalPlane<Values extends VoxelArray>(
  stored: Values,
  [width, height]: readonly [number, number],
  { swapped, flipX, flipY }: PlaneOrientation,
): Values {
  if (!swapped) return mirrored(stored, width, flipX, flipY);
  return mirrored(transposed(stored, width), height, flipX, flipY);
}

/** The way back: a canonical slice in the file's own order, again the array itself where nothing is to be done. */
export function fromCanonicalPlane<Values extends VoxelArray>(
  canonical: Values,
  [width, height]: readonly [number, number],
  { swapped, flipX, flipY }: PlaneOrientation,
): Values {
  if (!swapped) return mirrored(canonical, width, flipX, flipY);
  return transposed(mirrored(canonical, height, flipX, flipY), height);
}

function mirrored<Values extends VoxelArray>(values: Values, width: number, flipX: boolean, flipY: boolean): Values {
  if (!flipX && !flipY) return values;
  const out = values.slice() as Values;
  // The reverse order of all values is both mirrorings at once, and fast; the rows alone make up for the one too many.
  if (flipX !== flipY) {
    for (let row = 0; row < values.length; row += width) {
      out.set(values.subarray(row, row + width), values.length - width - row);
    }
  }
  if (flipX) out.reverse();
  return out;
}

function transposed<Values extends VoxelArray>(values: Values, width: number): Values {
  const height = values.length / width;
  const out = values.slice() as Values;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) out[x * height + y] = values[y * width + x] as number;
  }
  return out;
}
