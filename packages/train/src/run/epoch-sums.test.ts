import { expect, test } from "vitest";
import { addedTo, meansOf, noSums, together } from "./epoch-sums.js";

test("each slice weighs the same, class by class", () => {
  const first = addedTo(noSums, 3, { loss: 1, pixelLoss: 0.5, overlapLoss: 0.5, dice: [0.9, 0.3] });
  const both = addedTo(first, 1, { loss: 5, pixelLoss: 2.5, overlapLoss: 2.5, dice: [0.1, 0.7] });
  expect(both.slices).toBe(4);
  expect(meansOf(both)).toMatchObject({ loss: 2, pixelLoss: 1, overlapLoss: 1 });
  expect(meansOf(both).dice[0]).toBeCloseTo(0.7, 12);
  expect(meansOf(both).dice[1]).toBeCloseTo(0.4, 12);
});

test("before the first slice there are no means", () => {
  expect(meansOf(noSums)).toEqual({ loss: Number.NaN, pixelLoss: Number.NaN, overlapLoss: Number.NaN, dice: [] });
});

test("the parts of a step have means together, in which each slice weighs the same", () => {
  const part = (slices: number, loss: number) => ({
    slices,
    means: { loss, pixelLoss: loss / 2, overlapLoss: 2 * loss, dice: [loss, -loss] },
  });
  expect(together(undefined, part(3, 0.5))).toEqual(part(3, 0.5));
  expect(together(part(3, 1), part(1, 5))).toEqual(part(4, 2));
});
