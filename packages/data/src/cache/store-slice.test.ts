import fc from "fast-check";
import { expect, test } from "vitest";
import { storeSlice, storeSlices, type Window } from "./store-slice.js";

const window: Window = [-160, 240];

/** A slice as it is stored, and as HU again. */
function stored(values: ArrayLike<number>, of: Window = window) {
  const into = new Int16Array(values.length);
  const quantization = storeSlice(values, of, into);
  return {
    ...quantization,
    stored: [...into],
    back: Array.from(into, (s) => s * quantization.scale + quantization.offset),
  };
}

test.each([Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Float32Array, Float64Array])(
  "integers that int16 holds are kept: %o",
  (Values) => {
    expect(stored(Values.from([0, 100, 127]))).toMatchObject({ scale: 1, offset: 0, stored: [0, 100, 127] });
    expect(stored(Values.from([0, 100, 127]), [0, 1])).toMatchObject({ scale: 1, offset: 0, stored: [0, 100, 127] });
  },
);

test.each<[string, ArrayLike<number>, number[]]>([
  ["too large for int16", [7, 40_000, -70_000], [7, 32_767, -32_768]],
  ["infinite", [7, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], [7, 32_767, -32_768]],
  ["padding of 32 bits", Int32Array.of(7, -(2 ** 31)), [7, -32_768]],
  ["fractions above and below the window", Float32Array.of(7, 240.25, -160.25), [7, 241, -161]],
])("integers inside the window are kept where others are outside it: %s", (_what, slice, expected) => {
  expect(stored(slice)).toMatchObject({ scale: 1, offset: 0, stored: expected });
});

test.each([[Float32Array.of(40, 240, 7.25, 1.15e6, -160)], [Float64Array.of(40, 240, 7.25, 1e300, -160)]])(
  "fractions inside the window spread it over int16, whatever is outside: %o",
  (slice) => {
    expect(stored(slice)).toMatchObject({
      scale: 400 / 64_000,
      offset: 40,
      stored: [0, 32_000, -5240, 32_767, -32_000],
    });
  },
);

test("a window beyond int16 is spread over it", () => {
  const { back } = stored(Uint16Array.of(40_000, 40_001, 40_400, 0), [40_000, 40_400]);
  expect(back.slice(0, 3)).toEqual([40_000, 40_001, 40_400].map((value) => expect.closeTo(value, 2)));
  expect(back[3]).toBeLessThan(40_000);
});

test("every slice is stored for itself, in its slot; nothing else changes", () => {
  const there = new Uint32Array(6).fill(0x00090009);
  const { pixels, quantizations } = storeSlices(
    [
      [1, 2, 3],
      [0.5, 1, 2],
    ],
    4,
    window,
    there,
  );
  expect(pixels).toBe(there);
  expect([...new Int16Array(there.buffer)].slice(0, 4)).toEqual([1, 2, 3, 9]);
  expect([...new Int16Array(there.buffer)].slice(7)).toEqual([9, 9, 9, 9, 9]);
  expect(quantizations).toEqual([
    { scale: 1, offset: 0 },
    { scale: 400 / 64_000, offset: 40 },
  ]);
});

test("NaN is refused", () => {
  expect(() => stored([1, Number.NaN])).toThrow(
    new RangeError("a slice holds NaN at pixel 1; every pixel must be a number"),
  );
});

/** Windows of any width and place that float32 resolves. */
const anyWindow = fc
  .tuple(fc.double({ min: -6, max: 9, noNaN: true }), fc.double({ min: -500, max: 500, noNaN: true }))
  .map(([exponent, place]): Window => [place * 10 ** exponent, (place + 1) * 10 ** exponent]);

test("inside any window values come back to 1/64,000 of it, and the others stay outside", () => {
  const value = fc.oneof(fc.float({ noNaN: true }), fc.double({ min: -2, max: 3, noNaN: true }));
  fc.assert(
    fc.property(
      anyWindow,
      fc.array(value, { minLength: 1, maxLength: 20 }),
      fc.boolean(),
      ([low, high], values, relative) => {
        const slice = values.map((each) => (relative ? low + each * (high - low) : each));
        const { back } = stored(slice, [low, high]);
        const rounding = 2 ** -22 * Math.max(Math.abs(low), Math.abs(high));
        slice.forEach((each, i) => {
          const found = back[i] ?? Number.NaN;
          const clipped = Math.min(Math.max(found, low), high);
          expect(Math.abs(clipped - Math.min(Math.max(each, low), high))).toBeLessThanOrEqual(
            (high - low) / 64_000 + rounding,
          );
        });
      },
    ),
  );
});

test("what is stored depends on the slice alone: a voxel outside the window changes no other", () => {
  const inside = fc.oneof(fc.integer({ min: -160, max: 240 }), fc.double({ min: -160, max: 240, noNaN: true }));
  const outside = fc.oneof(fc.float({ min: 241, noNaN: true }), fc.float({ max: -161, noNaN: true }));
  fc.assert(
    fc.property(fc.array(inside, { minLength: 1 }), outside, (values, outlier) => {
      const [alone, beside] = [stored(values), stored([...values, outlier])];
      expect(beside.stored.slice(0, -1)).toEqual(alone.stored);
      expect([beside.scale, beside.offset]).toEqual([alone.scale, alone.offset]);
    }),
  );
});
