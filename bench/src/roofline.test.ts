import { describe, expect, test } from "vitest";
import type { KernelTiming } from "./kernel-bench.js";
import { rooflineSvg } from "./roofline.js";

const kernel = (name: string, flops: number, bytes: number, milliseconds: number, share: number): KernelTiming => ({
  name,
  flops,
  bytes,
  milliseconds,
  share,
  dispatches: 1,
  ofRoof: 0.5,
  spread: [milliseconds, milliseconds],
  rounds: 1,
  each: [milliseconds],
});
const roof = { flopsPerSecond: 1e11, bytesPerSecond: 1e10 };

/** Center of the n-th dot. */
const dot = (svg: string, n: number): readonly [number, number] => {
  const [, x, y] = [...svg.matchAll(/<circle[^>]*cx="([\d.]+)" cy="([\d.]+)"/g)][n] ?? [];
  return [Number(x), Number(y)];
};

describe("the roofline", () => {
  test("places dots by intensity and rate on logarithmic axes, and names what takes the time", () => {
    // 1 FLOP a byte at 1 GFLOP/s, and a hundred times both.
    const kernels = [kernel("slow<er>", 1e6, 1e6, 1, 0.8), kernel("fast", 1e8, 1e6, 1, 0.2)];
    const svg = rooflineSvg(kernels, roof, "a & b");
    const [[x0, y0], [x1, y1]] = [dot(svg, 0), dot(svg, 1)];
    expect(x1).toBeGreaterThan(x0);
    expect(y1).toBeLessThan(y0);
    expect(svg).toContain("slow&#60;er&#62;: 1 GFLOP/s, 1 FLOP/byte, 80.0 % of the time");
    expect(svg).toContain("a &#38; b");
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  test("a kernel on the roof lies on its line", () => {
    const onSlope = kernel("copy", 1e7, 1e7, 1, 1);
    const svg = rooflineSvg([onSlope], roof, "");
    const [, mx, my, lx, ly] = /class="roof" d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)H/.exec(svg)?.map(Number) ?? [];
    const [x, y] = dot(svg, 0);
    const along = (x - (mx ?? 0)) / ((lx ?? 0) - (mx ?? 0));
    expect(y).toBeCloseTo((my ?? 0) + along * ((ly ?? 0) - (my ?? 0)), 0);
  });

  test("a kernel without arithmetic has no place on it", () => {
    expect(rooflineSvg([kernel("gather", 0, 10, 1, 0.5), kernel("add", 10, 10, 1, 0.5)], roof, "")).not.toContain(
      "gather",
    );
  });
});
