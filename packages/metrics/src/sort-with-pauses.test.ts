import { Pauses } from "@lobule/data";
import { expect, test } from "vitest";
import { sortWithPauses } from "./sort-with-pauses.js";

test.each([0, 1, 2, 32_768, 32_769, 100_001, 262_144])("%d numbers come in the order of sort", async (length) => {
  const numbers = Float64Array.from({ length }, (_, i) =>
    i % 1001 === 0 ? Number.POSITIVE_INFINITY : Math.round(1e4 * Math.sin(i * i)),
  );
  const expected = numbers.slice().sort();
  const found = await sortWithPauses(numbers, new Pauses());
  expect(found.length).toBe(length);
  expect(found.every((value, i) => value === expected[i])).toBe(true);
});
