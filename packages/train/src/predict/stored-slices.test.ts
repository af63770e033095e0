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
