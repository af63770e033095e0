import { Pauses } from "@lobule/data";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NearestPoint } from "./nearest-point.js";

const squaredDistance = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, axis) => sum + (value - (b[axis] ?? Number.NaN)) ** 2, 0);

const bruteForce = (points: readonly (readonly number[])[], place: readonly number[]): number =>
  Math.min(Number.POSITIVE_INFINITY, ...points.map((point) => squaredDistance(place, point)));

async function expectBruteForce(
  points: readonly (readonly number[])[],
  places: readonly (readonly number[])[],
): Promise<void> {
  const tree = await NearestPoint.of(Float64Array.from(points.flat()), new Pauses());
  for (const place of places) {
    const [x = 0, y = 0, z = 0] = place;
    expect(tree.squaredDistance(x, y, z)).toBe(bruteForce(points, place));
  }
}

describe("NearestPoint", () => {
  test("equals every point tried, to the last bit", async () => {
    const coordinate = fc.double({ min: -100, max: 100, noNaN: true });
    // Many points in one plane, on one line, or on top of each other, as those of slices are.
    const grid = fc.integer({ min: -3, max: 3 });
    for (const each of [coordinate, grid]) {
      const point = fc.tuple(each, each, each);
      await fc.assert(
        fc.asyncProperty(fc.array(point, { maxLength: 120 }), fc.array(point, { maxLength: 20 }), expectBruteForce),
      );
    }
    const flat = fc.tuple(grid, coordinate, fc.constant(7));
    await fc.assert(
      fc.asyncProperty(fc.array(flat, { minLength: 1, maxLength: 200 }), (points) => expectBruteForce(points, points)),
    );
  });

  test("without a point every distance is infinite", async () => {
    expect((await NearestPoint.of(new Float64Array(), new Pauses())).squaredDistance(1, 2, 3)).toBe(
      Number.POSITIVE_INFINITY,
    );
  });

  test("a surface of a hundred thousand points takes no longer than a few looks at each", async () => {
    const sphere = (radius: number): Float64Array => {
      const count = 100_000;
      const points = new Float64Array(3 * count);
      for (let i = 0; i < count; i++) {
        const [height, angle] = [1 - (2 * i + 1) / count, i * Math.PI * (3 - Math.sqrt(5))];
        const across = Math.sqrt(1 - height * height);
        points.set([radius * across * Math.cos(angle), radius * across * Math.sin(angle), radius * height], 3 * i);
      }
      return points;
    };
    const inner = sphere(60);
    const tree = await NearestPoint.of(sphere(80), new Pauses());
    const start = performance.now();
    for (let i = 0; i < inner.length; i += 30) {
      const [x = 0, y = 0, z = 0] = inner.subarray(i, i + 3);
      expect(Math.abs(Math.sqrt(tree.squaredDistance(x, y, z)) - 20)).toBeLessThan(0.1);
    }
    // Every point against every place is a thousand times as much.
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
