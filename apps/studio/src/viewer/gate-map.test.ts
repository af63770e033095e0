import { expect, test } from "vitest";
import { mapOnSlice } from "./gate-map.js";

const gate = { width: 2, height: 1, alpha: Float32Array.of(0.25, 1) };

test("a map is spread over a slice that was resampled", () => {
  const { slice, values } = mapOnSlice(
    gate,
    { width: 8, height: 8, transform: [2, 0, 0, 0, 4, 0] },
    { slice: 5, columns: 4, rows: 2 },
  );
  expect(slice).toBe(5);
  expect([...values]).toEqual([0.25, 0.25, 1, 1, 0.25, 0.25, 1, 1]);
});

test("of a slice that was padded, each pixel has what is at its place in the input", () => {
  // 5 columns in an input of 8: two to the left of them, one to the right.
  const { values } = mapOnSlice(
    gate,
    { width: 8, height: 2, transform: [1, 0, 2, 0, 1, 1] },
    { slice: 0, columns: 5, rows: 1 },
  );
  expect([...values]).toEqual([0.25, 0.25, 1, 1, 1]);
});
