import { expect, test } from "vitest";
import { filterIndex, filterRows, filterSum } from "./winograd.js";

/** What transforms/winograd.ts makes of the six pixels, and of the six sums: the other two matrices of F(4, 3). */
const [a, b] = [0.75, 1.5];
const pixelRows = [
  [a * a * b * b, 0, -(a * a + b * b), 0, 1, 0],
  ...[
    [a, b],
    [-a, b],
    [b, a],
    [-b, a],
  ].map(([x = 0, y = 0]) => [0, -x * y * y, -y * y, x, 1, 0]),
  [0, a * a * b * b, 0, -(a * a + b * b), 0, 1],
];
const sumRows = [0, 1, 2, 3].map((power) => [
  power === 0 ? 1 : 0,
  ...[a, -a, b, -b].map((x) => x ** power),
  power === 3 ? 1 : 0,
]);
const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);

test("four pixels of a row are made of six products", () => {
  const pixels = [3, -1, 4, 1, -5, 9];
  const taps = [2, -7, 1];
  const products = pixelRows.map((row, i) => dot(row, pixels) * dot(filterRows[i] ?? [], taps));
  const direct = [0, 1, 2, 3].map((x) => dot(pixels.slice(x, x + 3), taps));
  sumRows.forEach((row, x) => {
    expect(dot(row, products)).toBeCloseTo(direct[x] ?? Number.NaN, 12);
  });
});

test("an index says which taps, which sum of them, and in which order", () => {
  const weight = [5, 1, 2, 3, 8];
  expect(filterSum(weight, filterIndex(1, 5, false))).toBe(3);
  expect(filterSum(weight, filterIndex(3, 5, true))).toBe(1);
  expect(filterSum(weight, filterIndex(1, 0, false))).toBeCloseTo(1 / (a * a * b * b), 12);
});
