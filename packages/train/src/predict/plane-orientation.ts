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
 * A stored slice in canonical order, x (to the right) fastest, then y (to the front).
 * @param width,height extents as stored.
 */
export function toCanonicalPlane<Values extends ArrayLike<number>>(
  stored: ArrayLike<number>,
  [width, height]: readonly [number, number],
  { swapped, flipX, flipY }: PlaneOrientation,
  out: Values & { [index: number]: number },
): Values {
  const [columns, rows] = swapped ? [height, width] : [width, height];
  for (let y = 0; y < rows; y++) {
    const fromY = flipY ? rows - 1 - y : y;
    for (let x = 0; x < columns; x++) {
      const fromX = flipX ? columns - 1 - x : x;
      out[y * columns + x] = stored[swapped ? fromX * width + fromY : fromY * width + fromX] as number;
    }
  }
  return out;
}

/** The way back: a canonical slice in the file's own order. */
export function fromCanonicalPlane<Values extends ArrayLike<number>>(
  canonical: ArrayLike<number>,
  [width, height]: readonly [number, number],
  { swapped, flipX, flipY }: PlaneOrientation,
  out: Values & { [index: number]: number },
): Values {
  const [columns, rows] = swapped ? [height, width] : [width, height];
  for (let y = 0; y < rows; y++) {
    const toY = flipY ? rows - 1 - y : y;
    for (let x = 0; x < columns; x++) {
      const toX = flipX ? columns - 1 - x : x;
      out[swapped ? toX * width + toY : toY * width + toX] = canonical[y * columns + x] as number;
    }
  }
  return out;
}
