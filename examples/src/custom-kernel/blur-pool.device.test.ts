import { openGpu } from "@lobule/node";
import { constant, Device, gradientError, ShapeError } from "@lobule/tensor";
import { afterAll, beforeAll, expect, test } from "vitest";
import { blurPool } from "./blur-pool.js";

let device: Device;
beforeAll(async () => {
  device = await Device.open(await openGpu(), { validate: true });
});
afterAll(() => device.destroy());

const values = (length: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.fround(Math.sin(1.3 * i)));

test.each([
  [1, 1, 2, 2],
  [2, 3, 6, 10],
] as const)("%d×%d×%d×%d against plain loops", async (n, c, h, w) => {
  const x = values(n * c * h * w);
  const weights = [1, 3, 3, 1].map((weight) => weight / 8);
  const expected: number[] = [];
  const kept = (place: number, length: number): number => Math.min(Math.max(place, 0), length - 1);
  for (let plane = 0; plane < n * c; plane++) {
    for (let y = 0; y < h; y += 2) {
      for (let left = 0; left < w; left += 2) {
        let sum = 0;
        weights.forEach((a, i) => {
          weights.forEach((b, j) => {
            sum += a * b * (x[(plane * h + kept(y + i - 1, h)) * w + kept(left + j - 1, w)] as number);
          });
        });
        expected.push(sum);
      }
    }
  }
  const { y } = await device.evaluate({ y: blurPool(constant(x, [n, c, h, w])) });
  expected.forEach((value, i) => {
    expect(y[i]).toBeCloseTo(value, 5);
  });
});

test("gradient", async () => {
  const inputs = [{ data: values(72), shape: [1, 3, 4, 6] }] as const;
  expect(await gradientError(device, blurPool, { inputs })).toBeLessThan(5e-3);
});

test("odd sides are refused", () => {
  expect(() => blurPool(constant(values(6), [1, 1, 2, 3]))).toThrow(
    new ShapeError("blurPool: a side of [1, 1, 2, 3] is odd"),
  );
});
