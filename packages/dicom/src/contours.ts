/** A closed polygon; its points are pixel indices [column, row], centers of pixels being whole numbers. */
export type Polygon = readonly (readonly [column: number, row: number])[];

/**
 * The outlines of a region in a slice: polygons whose points lie halfway between the centers of neighboring pixels of which one
 * is inside, so that a center is in a polygon just where the pixel is in the region. Pixels that touch at a corner only are apart.
 * A hole is connected with the outline around it by a channel of no width, there and back (a keyhole).
 * Source: Lorensen and Cline 1987 ("Marching Cubes"), in two dimensions; DICOM PS3.3, C.8.8.6.3 for holes.
 * @param isInside whether a pixel is in the region; asked for those of the slice only.
 */
export function contoursOf(
  columns: number,
  rows: number,
  isInside: (column: number, row: number) => boolean,
): readonly Polygon[] {
  const loops = loopsOf(columns, rows, isInside).map((loop) => ({ loop: withoutStraight(loop), area: areaOf(loop) }));
  const outlines = loops.filter(({ area }) => area > 0).map((each) => ({ ...each, polygon: [...each.loop] }));
  for (const { loop: hole } of loops.filter(({ area }) => area < 0)) {
    const [start] = hole;
    const around = outlines.filter(({ loop }) => start !== undefined && isWithin(start, loop));
    const smallest = around.reduce<(typeof outlines)[number] | undefined>(
      (least, each) => (least === undefined || each.area < least.area ? each : least),
      undefined,
    );
    if (smallest !== undefined) smallest.polygon = withHole(smallest.polygon, hole);
  }
  return outlines.map(({ polygon }) => polygon);
}

type Point = Polygon[number];

/** Corners of a cell of four pixels in circular order. */
const corners = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 1],
] as const;

/** Closed paths with the region on their right, downward being positive: outlines have a positive area, holes a negative one. */
function loopsOf(columns: number, rows: number, isInside: (column: number, row: number) => boolean): Point[][] {
  const inside = (x: number, y: number): number =>
    Number(x >= 0 && y >= 0 && x < columns && y < rows && isInside(x, y));
  // A point by twice its indices; both are at least −1.
  const width = 2 * columns + 2;
  const keyBetween = (x: number, y: number, i: number): number => {
    const [[ax, ay], [bx, by]] = [corners[i & 3] ?? corners[0], corners[(i + 1) & 3] ?? corners[0]];
    return (2 * y + ay + by + 1) * width + 2 * x + ax + bx + 1;
  };
  const next = new Map<number, number>();
  for (let y = -1; y < rows; y++) {
    for (let x = -1; x < columns; x++) {
      // A bit for each corner; most cells have all of them or none.
      const within = inside(x, y) | (inside(x + 1, y) << 1) | (inside(x + 1, y + 1) << 2) | (inside(x, y + 1) << 3);
      if (within === 0 || within === 15) continue;
      const has = (corner: number): boolean => ((within >> (corner & 3)) & 1) === 1;
      for (let i = 0; i < 4; i++) {
        if (!has(i) || has(i + 1)) continue;
        // The corners inside before this one, up to where the path goes out.
        let first = i;
        while (has(first + 3)) first += 3;
        next.set(keyBetween(x, y, i), keyBetween(x, y, first + 3));
      }
    }
  }
  const loops: Point[][] = [];
  for (const [start] of next) {
    const loop: Point[] = [];
    for (let key: number | undefined = start; key !== undefined; ) {
      loop.push([((key % width) - 1) / 2, (Math.floor(key / width) - 1) / 2]);
      const following = next.get(key);
      next.delete(key);
      key = following === start ? undefined : following;
    }
    loops.push(loop);
  }
  return loops;
}

/** Without the points between others of one straight line. */
const withoutStraight = (loop: readonly Point[]): Point[] =>
  loop.filter(([x, y], i) => {
    const [[px, py], [nx, ny]] = [loop.at(i - 1) ?? [x, y], loop[(i + 1) % loop.length] ?? [x, y]];
    return (x - px) * (ny - y) !== (y - py) * (nx - x);
  });

/** Twice the area, positive where the inside is on the right of the path and rows grow downward. */
const areaOf = (loop: readonly Point[]): number =>
  loop.reduce((sum, [x, y], i) => {
    const [nx, ny] = loop[(i + 1) % loop.length] ?? [x, y];
    return sum + x * ny - nx * y;
  }, 0);

/** By how often a ray to the right crosses the polygon. */
function isWithin([x, y]: Point, polygon: readonly Point[]): boolean {
  let within = false;
  polygon.forEach(([ax, ay], i) => {
    const [bx, by] = polygon[(i + 1) % polygon.length] ?? [ax, ay];
    if (ay > y !== by > y && x < ax + ((y - ay) * (bx - ax)) / (by - ay)) within = !within;
  });
  return within;
}

/** A polygon with a hole that is reached from the point nearest to it. */
function withHole(polygon: readonly Point[], hole: readonly Point[]): Point[] {
  const [start] = hole;
  if (start === undefined) return [...polygon];
  const distances = polygon.map(([x, y]) => (x - start[0]) ** 2 + (y - start[1]) ** 2);
  const at = distances.indexOf(Math.min(...distances));
  return [...polygon.slice(0, at + 1), ...hole, start, ...polygon.slice(at)];
}
