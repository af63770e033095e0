import { describe, expect, test } from "vitest";
import { extentOf, pathOf, thinned, ticksOf, tickText } from "./chart-scale.js";

describe("the scale of a chart", () => {
  test("has round ticks that cover the values", () => {
    expect(ticksOf([0.13, 1.72], 4)).toEqual([0, 0.5, 1, 1.5, 2]);
    expect(ticksOf([0, 1], 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticksOf([1e-4, 1e-4], 4).length).toBeGreaterThan(1);
    expect(ticksOf([0, 0], 4).length).toBeGreaterThan(1);
  });

  test("writes small and large numbers short", () => {
    expect([0.25, 1200, 1e-4, 2.5e7].map(tickText)).toEqual(["0.25", "1,200", "1e-4", "2.5e7"]);
  });

  test("looks at finite values alone", () => {
    expect(extentOf([3, null, Number.NaN, -1])).toEqual([-1, 3]);
    expect(extentOf([null])).toBeUndefined();
  });
});

describe("a curve", () => {
  test("keeps its peaks when it is thinned", () => {
    const points = Array.from({ length: 10_000 }, (_, x) => ({ x, y: x === 5555 ? 9 : Math.sin(x) }));
    const kept = thinned(points, 100);
    expect(kept.length).toBeLessThanOrEqual(200);
    expect(kept).toContainEqual({ x: 5555, y: 9 });
    expect(kept.map(({ x }) => x)).toEqual(kept.map(({ x }) => x).toSorted((a, b) => a - b));
  });

  test("breaks where a value is missing", () => {
    const points = [
      { x: 0, y: 1 },
      { x: 1, y: null },
      { x: 2, y: 3 },
      { x: 3, y: 4 },
    ];
    const same = (value: number): number => value;
    expect(pathOf(points, same, same)).toBe("M0.0 1.0M2.0 3.0L3.0 4.0");
  });
});
