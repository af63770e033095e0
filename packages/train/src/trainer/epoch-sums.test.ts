import { expect, test } from "vitest";
import { addedTo, meansOf } from "./epoch-sums.js";

test("means over an epoch weigh every slice the same", () => {
  const first = addedTo({}, 3, { loss: 1, crossEntropy: 0.5, diceLoss: 0.5, dice0: 0.9, dice1: 0.3 });
  const both = addedTo(first, 1, { loss: 5, crossEntropy: 2.5, diceLoss: 2.5, dice0: 0.1, dice1: 0.7 });
  expect(both.slices).toEqual([4]);
  expect(meansOf(both)).toMatchObject({ loss: 2, crossEntropy: 1, diceLoss: 1 });
  expect(meansOf(both).dice[0]).toBeCloseTo(0.7, 12);
  expect(meansOf(both).dice[1]).toBeCloseTo(0.4, 12);
});

test("nothing counted has no mean", () => {
  expect(meansOf({})).toEqual({ loss: Number.NaN, crossEntropy: Number.NaN, diceLoss: Number.NaN, dice: [] });
});
