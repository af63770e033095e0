import { expect, test } from "vitest";
import { centerOf } from "./center.js";

test("the center is in the middle of what is labeled, on the slice with most of it", () => {
  const labels = new Uint8Array(3 * 3 * 2);
  labels.set([2, 1, 2], 9 + 3);
  labels[0] = 1;
  expect(centerOf(labels, [3, 3, 2])).toEqual([1, 1, 1]);
});

test("nothing has no center", () => {
  expect(centerOf(new Uint8Array(8), [2, 2, 2])).toBeUndefined();
});
