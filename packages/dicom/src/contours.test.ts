import fc from "fast-check";
import { expect, test } from "vitest";
import { contoursOf, type Polygon } from "./contours.js";

/** The pixels whose centers are in one of the polygons, by how often a ray crosses them. */
const filled = (polygons: readonly Polygon[], columns: number, rows: number): boolean[] =>
  Array.from({ length: columns * rows }, (_, i) => {
    const [x, y] = [i % columns, Math.floor(i / columns)];
    return polygons.some(
      (polygon) =>
        polygon.filter(([ax, ay], at) => {
          const [bx, by] = polygon[(at + 1) % polygon.length] ?? [0, 0];
          return ay > y !== by > y && x < ax + ((y - ay) * (bx - ax)) / (by - ay);
        }).length %
          2 ===
        1,
    );
  });

const outlinesOf = (picture: readonly string[]): readonly Polygon[] =>
  contoursOf(picture[0]?.length ?? 0, picture.length, (x, y) => picture[y]?.[x] === "#");

test("a pixel is a square on its corner, a row of pixels has no points between its ends", () => {
  expect(outlinesOf(["#"])).toEqual([
    [
      [-0.5, 0],
      [0, -0.5],
      [0.5, 0],
      [0, 0.5],
    ],
  ]);
  expect(outlinesOf(["###"])[0]).toHaveLength(6);
});

test("pixels that touch at a corner are apart, those at an edge together", () => {
  expect(outlinesOf(["#.", ".#"])).toHaveLength(2);
  expect(outlinesOf(["##", ".#"])).toHaveLength(1);
});

test("a hole is reached through a channel of the outline, what is in the hole is an outline of its own", () => {
  const ring = ["#####", "#...#", "#.#.#", "#...#", "#####"];
  const outlines = outlinesOf(ring);
  expect(outlines).toHaveLength(2);
  expect(filled(outlines, 5, 5)).toEqual([...ring.join("")].map((each) => each === "#"));
});

test("the centers within the outlines are those of the region, whatever it is", () => {
  const regions = fc
    .record({ columns: fc.integer({ min: 1, max: 9 }), rows: fc.integer({ min: 1, max: 9 }) })
    .chain(({ columns, rows }) =>
      fc.record({
        columns: fc.constant(columns),
        rows: fc.constant(rows),
        region: fc.array(fc.boolean(), { minLength: columns * rows, maxLength: columns * rows }),
      }),
    );
  fc.assert(
    fc.property(regions, ({ columns, rows, region }) => {
      const outlines = contoursOf(columns, rows, (x, y) => region[y * columns + x] === true);
      expect(filled(outlines, columns, rows)).toEqual(region);
      for (const each of outlines) expect(each.length).toBeGreaterThanOrEqual(4);
    }),
    { numRuns: 300 },
  );
});
