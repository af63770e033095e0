import fc from "fast-check";
import { expect, test } from "vitest";
import { storeSlices } from "./stored-slices.js";

const window = [-160, 240] as const;

test("integers are kept exactly, each slice in its slot", () => {
  const { pixels, scale, offset } = storeSlices(
    [
      [-1024, 3071, 7],
      [1, 2, 3],
    ],
    4,
    window,
  );
  expect([scale, offset]).toEqual([1, 0]);
  expect([...new Int16Array(pixels.buffer)]).toEqual([-1024, 3071, 7, 0, 1, 2, 3, 0]);
});

test.each([Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Float32Array])("integers in a %o", (Values) => {
  const slice = Values.from([0, 100, 127]);
  const { pixels, scale, offset } = storeSlices([slice, [-1, 5, 6]], 4, window);
  expect([scale, offset]).toEqual([1, 0]);
  expect([...new Int16Array(pixels.buffer)]).toEqual([0, 100, 127, 0, -1, 5, 6, 0]);
});

test.each([[Uint16Array.of(7, 40_000)], [Int32Array.of(7, -70_000)], [Float32Array.of(7, 0.25)]])(
  "what is no int16 spreads the window over all slices: %o",
  (slice) => {
    const { pixels, scale, offset } = storeSlices([Int16Array.of(40, 240), slice], 2, window);
    expect([scale, offset]).toEqual([400 / 64_000, 40]);
    expect([...new Int16Array(pixels.buffer)].slice(0, 3)).toEqual([0, 32_000, -5280]);
  },
);

test("into an array that is there: nothing but the slices changes", () => {
  const there = new Uint32Array(4).fill(0x00090009);
  expect(storeSlices([[1, 2, 3]], 4, window, there).pixels).toBe(there);
  expect([...new Int16Array(there.buffer)]).toEqual([1, 2, 3, 9, 9, 9, 9, 9]);
});

test("other values come back to 1/64,000 of the window, or stay outside it", () => {
  fc.assert(
    fc.property(
      fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 20 }),
      (values) => {
        const slice = [0.5, ...values];
        const { pixels, scale, offset } = storeSlices([slice], 24, window);
        const stored = new Int16Array(pixels.buffer);
        slice.forEach((value, i) => {
          const back = (stored[i] ?? 0) * scale + offset;
          if (value >= window[0] && value <= window[1]) expect(Math.abs(back - value)).toBeLessThan(400 / 64_000);
          else expect(value < window[0] ? back <= window[0] : back >= window[1]).toBe(true);
        });
      },
    ),
  );
});
