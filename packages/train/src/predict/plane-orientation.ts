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
 * A stored slice in canonical order, x (to the right) fastest, then y (to the front). It is brought into that order in
 * its own array, which is returned; only where the axes are swapped the result is a new one, of the same type.
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

/** The way back: a canonical slice in the file's own order. Its array is changed, even where the result is a new one. */
export function fromCanonicalPlane<Values extends VoxelArray>(
  canonical: Values,
  [width, height]: readonly [number, number],
  { swapped, flipX, flipY }: PlaneOrientation,
): Values {
  if (!swapped) return mirrored(canonical, width, flipX, flipY);
  return transposed(mirrored(canonical, height, flipX, flipY), height);
}

/** In place: new memory for each slice would keep the garbage collector busy. */
function mirrored<Values extends VoxelArray>(values: Values, width: number, flipX: boolean, flipY: boolean): Values {
  // The reverse order of all values is both mirrorings at once, and fast; that of the rows makes up for one too many.
  if (flipX) values.reverse();
  if (flipX !== flipY) {
    const row = values.slice(0, width);
    for (let top = 0, bottom = values.length - width; top < bottom; top += width, bottom -= width) {
      row.set(values.subarray(top, top + width));
      values.copyWithin(top, bottom, bottom + width);
      values.set(row, bottom);
    }
  }
  return values;
}

function transposed<Values extends VoxelArray>(values: Values, width: number): Values {
  const height = values.length / width;
  const out = values.slice() as Values;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) out[x * height + y] = values[y * width + x] as number;
  }
  return out;
}
