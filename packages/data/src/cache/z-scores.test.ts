import fc from "fast-check";
import { expect, test } from "vitest";
import { ZScoreSums, zScoresOf } from "./z-scores.js";

/** In float64, of all values at once. */
function expected(values: readonly number[]): { readonly mean: number; readonly deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) };
}

/** A box of values in a volume of zeros, x fastest. */
function padded(values: readonly number[], box: readonly [number, number, number], margins: readonly number[]) {
  const [left = 0, right = 0, front = 0, back = 0, below = 0, above = 0] = margins;
  const [width, height, depth] = [left + box[0] + right, front + box[1] + back, below + box[2] + above];
  const data = new Float32Array(width * height * depth);
  values.forEach((value, i) => {
    const [x, y, z] = [i % box[0], Math.floor(i / box[0]) % box[1], Math.floor(i / (box[0] * box[1]))];
    data[((below + z) * height + front + y) * width + left + x] = value;
  });
  return { data, shape: [width, height, depth] as const };
}

test("mean and standard deviation are those of all voxels, zeros inside too and those around them left out", () => {
  const box = [3, 2, 4] as const;
  const value = fc.oneof(
    fc.constant(0),
    fc.integer({ min: -3000, max: 3000 }),
    fc.float({ min: 1, max: 2, noNaN: true }),
  );
  const held = fc.array(value, { minLength: 24, maxLength: 24 });
  const margins = fc.array(fc.nat(2), { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(held, margins, fc.integer({ min: -1000, max: 1000 }), (some, around, offset) => {
      // The corners are not 0, so that the box is known.
      const values = some.map((each, i) => Math.fround(i === 0 || i === 23 ? 4000 + (i % 2) : each + (each && offset)));
      const { mean, deviation } = expected(values);
      const found = zScoresOf(padded(values, box, around), "it");
      expect(Math.abs(found.mean - mean)).toBeLessThanOrEqual(2 ** -23 * Math.max(Math.abs(mean), 1));
      expect(Math.abs(found.deviation - deviation)).toBeLessThanOrEqual(2 ** -23 * deviation);
    }),
  );
});

test("neither a large mean nor the order of slices and pixels takes anything from them", () => {
  const values = Float64Array.from({ length: 60 }, (_, i) => 30_000 + Math.sin(i * i));
  const { mean, deviation } = expected(Array.from(values, Math.fround));
  const sums = new ZScoreSums();
  for (let z = 2; z >= 0; z--) sums.add(values.slice(z * 20, (z + 1) * 20).reverse(), 5);
  expect(sums.result("it")).toEqual({ mean: Math.fround(mean), deviation: Math.fround(deviation) });
  expect(zScoresOf({ data: values, shape: [5, 4, 3] }, "it")).toEqual(sums.result("it"));
});

test.each([0, 7, 0.1])("an image of nothing but %f has none", (value) => {
  const data = new Float32Array(24).fill(value);
  expect(() => zScoresOf({ data, shape: [4, 3, 2] }, "scan.nii")).toThrow(
    `scan.nii: its voxels all hold the value ${value}, so there are no z-scores of them; leave out this image`,
  );
});
