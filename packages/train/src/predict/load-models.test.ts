import { storeSlice, type Window } from "@lobule/data";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hounsfieldOf, normalizeImage } from "./load-models.js";

const stored = (slice: ArrayLike<number>, window: Window) => {
  const pixels = new Int16Array(slice.length);
  return { ...storeSlice(slice, window, pixels), pixels };
};

test("0 to 1 between the ends of the window, clipped outside it", () => {
  expect([...normalizeImage([-160, 40, 240, -3000, 1e9], [-160, 240])]).toEqual([0, 0.5, 1, 0, 1]);
});

test("a model called by code is given the same integers as a scan that is segmented", () => {
  const integers = fc.integer({ min: -1200, max: 3000 });
  const fractions = fc.double({ min: -1200, max: 3000, noNaN: true });
  const anyWindow = fc.constantFrom<Window>([-160, 240], [-100, 300], [0, 1], [-1024.5, 3071.25], [30, 80]);
  const slices = fc.oneof(...[integers, fractions].map((value) => fc.array(value, { minLength: 20, maxLength: 60 })));
  fc.assert(
    fc.property(slices, anyWindow, (values, window) => {
      const slice = Float32Array.from(values);
      const clipped = ({ pixels, scale, offset }: ReturnType<typeof stored>) =>
        Array.from(pixels, (each) => Math.min(Math.max(each * scale + offset, window[0]), window[1]));
      const seen = stored(hounsfieldOf(normalizeImage(slice, window), window), window);
      expect(clipped(seen)).toEqual(clipped(stored(slice, window)));
    }),
  );
});

test("NaN is refused", () => {
  expect(() => normalizeImage([Number.NaN], [0, 1])).toThrow(/NaN at pixel 0/);
});
