import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Vector3 } from "../volume.js";
import { carve, column, deform, ellipsoid, halfSpace, intersection, type Shape, smoothUnion, tube } from "./shapes.js";
import { NoiseSource } from "./smooth-noise.js";
import { vesselTree } from "./vessel-tree.js";

const coordinate = fc.double({ min: -40, max: 40, noNaN: true });
const length = fc.double({ min: 1, max: 30, noNaN: true });
const point = fc.tuple(coordinate, coordinate, coordinate);
const noise = new NoiseSource(5, 0).field("test", 12);

/** A point inside a shape lies inside its box. */
const boxHolds = ({ low, high, distance }: Shape, at: Vector3): boolean =>
  distance(...at) >= 0 || at.every((value, axis) => value >= (low[axis] ?? NaN) && value <= (high[axis] ?? NaN));

describe("shapes", () => {
  it("lie within their boxes", () => {
    fc.assert(
      fc.property(point, point, point, length, length, (a, b, at, r, q) => {
        const one = ellipsoid(a, [r, q, r]);
        const two = tube(a, b, r, q);
        const shapes = [
          one,
          two,
          deform(one, noise, 5),
          smoothUnion(one, two, 10),
          intersection(one, two),
          carve(one, two, 2),
        ];
        for (const shape of shapes) expect(boxHolds(shape, at)).toBe(true);
        expect(boxHolds(column([a[0], a[1]], [r, q]), at)).toBe(true);
      }),
    );
  });

  it("have the exact distance where it is known", () => {
    const ball = ellipsoid([1, 2, 3], [5, 5, 5]);
    expect(ball.distance(1, 2, 3)).toBe(-5);
    expect(ball.distance(1, 2, 10)).toBeCloseTo(2, 12);
    const cone = tube([0, 0, 0], [10, 0, 0], 3, 1);
    expect(cone.distance(5, 0, 0)).toBe(-2);
    expect(cone.distance(-4, 0, 0)).toBe(1);
    expect(cone.distance(14, 3, 0)).toBe(4);
    expect(column([0, 0], [2, 2]).distance(0, 5, 1e6)).toBeCloseTo(3, 12);
  });

  it("carve leaves the gap it is asked for", () => {
    const rest = carve(
      halfSpace(() => -100),
      ellipsoid([0, 0, 0], [5, 5, 5]),
      2,
    );
    expect(rest.distance(6.9, 0, 0)).toBeGreaterThan(0);
    expect(rest.distance(7.1, 0, 0)).toBeLessThan(0);
  });
});

describe("NoiseSource", () => {
  it("gives a smooth field between -1 and 1, another for each name and case", () => {
    const values = Array.from({ length: 400 }, (_, i) => noise(i / 4, 3, -7));
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(1);
    expect(Math.max(...values) - Math.min(...values)).toBeGreaterThan(0.5);
    values.slice(1).forEach((value, i) => {
      expect(Math.abs(value - (values[i] ?? NaN))).toBeLessThan(0.08);
    });
    expect(new NoiseSource(5, 0).field("other", 12)(1, 2, 3)).not.toBe(noise(1, 2, 3));
    expect(new NoiseSource(5, 1).field("test", 12)(1, 2, 3)).not.toBe(noise(1, 2, 3));
    expect(new NoiseSource(5, 0).field("test", 12)(1, 2, 3)).toBe(noise(1, 2, 3));
  });
});

describe("vesselTree", () => {
  it("reaches from the root to every target, thinner with every fork", () => {
    fc.assert(
      fc.property(fc.array(point, { minLength: 1, maxLength: 20 }), point, (targets, root) => {
        const branches = vesselTree(root, targets, 2, () => 0.5);
        const inside = (at: Vector3): boolean => branches.some(({ distance }) => distance(...at) < 0);
        for (const target of [root, ...targets]) expect(inside(target)).toBe(true);
        expect(branches[0]?.distance(...root)).toBeCloseTo(-2 * Math.cbrt(targets.length), 9);
      }),
    );
  });

  it("has no branch without a target", () => {
    expect(vesselTree([0, 0, 0], [], 2, () => 0.5)).toEqual([]);
  });
});
