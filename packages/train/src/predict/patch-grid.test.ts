import fc from "fast-check";
import { expect, test } from "vitest";
import { gaussianProfile, patchGrid, patchStarts } from "./patch-grid.js";

test.each([
  [13, 6, 0.5, [0, 2, 5, 7]],
  [9, 4, 0.5, [0, 2, 3, 5]],
  [512, 256, 0.5, [0, 128, 256]],
  [300, 128, 0.5, [0, 57, 115, 172]],
  [7, 7, 0.5, [0]],
  [21, 8, 0.25, [0, 2, 4, 6, 7, 9, 11, 13]],
  // As nnU-Net v2 has them, rounded by numpy 1.24.
])("%d pixels, patches of %d, step %d", (extent, patch, step, expected) => {
  expect(patchStarts(extent, patch, step)).toEqual(expected);
});

test("patches begin at one end, end at the other, and leave nothing out", () => {
  const extents = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 90 }));
  fc.assert(
    fc.property(extents, fc.double({ min: 0.1, max: 1, noNaN: true }), ([patch, more], step) => {
      const starts = patchStarts(patch + more, patch, step);
      expect(starts[0]).toBe(0);
      expect(starts.at(-1)).toBe(more);
      for (const [i, start] of starts.slice(1).entries()) expect(start - (starts[i] ?? 0)).toBeLessThanOrEqual(patch);
    }),
  );
});

test("the profile is scipy's gaussian_filter of a point, over its largest value", () => {
  const profile = (extent: number) => Array.from({ length: extent }, (_, place) => gaussianProfile(place, extent));
  // scipy 1.10: t = zeros(p); t[p // 2] = 1; g = gaussian_filter(t, p / 8, mode="constant"); g / g.max()
  const even = [0.000335463, 0.011108997, 0.135335283, 0.60653066, 1, 0.60653066, 0.135335283, 0.011108997];
  for (const [i, value] of even.entries()) expect(profile(8)[i]).toBeCloseTo(value, 8);
  const odd = [0.002801638, 0.073369651, 0.520450121, 1, 0.520450121, 0.073369651, 0.002801638];
  for (const [i, value] of odd.entries()) expect(profile(7)[i]).toBeCloseTo(value, 8);
});

test("a field that is one patch needs no grid", () => {
  expect(patchGrid({ width: 8, height: 6 }, [8, 6], 0.5)).toBeUndefined();
  expect(patchGrid({ width: 12, height: 6 }, [8, 6], 0.5)).toMatchObject({ rows: [0], columns: [0, 4] });
});
