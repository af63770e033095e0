import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { resample } from "./resample.js";

const extent = fc.integer({ min: 1, max: 9 });

describe("resampling", () => {
  test("to the same size changes nothing", () => {
    const image = Float32Array.from({ length: 12 }, (_, i) => (i * 7) % 12);
    expect(resample(image, [4, 3], [4, 3])).toEqual(image);
  });

  test("doubling interpolates, worked by hand: centers lie a quarter of a pixel off", () => {
    expect([...resample(Float32Array.of(0, 1), [2, 1], [4, 1])]).toEqual([0, 0.25, 0.75, 1]);
  });

  test("halving weighs what falls together, worked by hand: weights 1/8 3/8 3/8 1/8, at the edge 3/7 3/7 1/7", () => {
    const [first, second, third] = resample(Float32Array.of(7, 0, 0, 8, 0, 0), [6, 1], [3, 1]);
    expect(first).toBeCloseTo(3, 6);
    expect(second).toBeCloseTo(3, 6);
    expect(third).toBeCloseTo(8 / 7, 6);
  });

  test("keeps a constant image and never leaves the range of the values", () => {
    fc.assert(
      fc.property(extent, extent, extent, extent, (width, height, newWidth, newHeight) => {
        const image = Float32Array.from({ length: width * height }, (_, i) => (i * 5) % 7);
        const result = resample(image, [width, height], [newWidth, newHeight]);
        expect(result.length).toBe(newWidth * newHeight);
        expect(Math.min(...result)).toBeGreaterThanOrEqual(Math.min(...image) - 1e-5);
        expect(Math.max(...result)).toBeLessThanOrEqual(Math.max(...image) + 1e-5);
        const constant = resample(new Float32Array(width * height).fill(0.5), [width, height], [newWidth, newHeight]);
        for (const value of constant) expect(value).toBeCloseTo(0.5, 6);
      }),
    );
  });
});
