import { describe, expect, test } from "vitest";
import { WorstSlices } from "./worst-slices.js";

const counts = (intersection: number[], predicted: number[], target: number[]) => ({ intersection, predicted, target });

describe("the slices that were labeled worst", () => {
  test("are those of the lowest mean Dice over the classes that they have, lowest first", () => {
    const worst = new WorstSlices(2);
    worst.look({ case: 0, slice: 0 }, counts([9, 4, 0], [9, 4, 0], [9, 4, 0])); // Dice 1
    worst.look({ case: 0, slice: 1 }, counts([9, 2, 0], [9, 4, 0], [9, 4, 2])); // 0.5 and 0
    worst.look({ case: 1, slice: 4 }, counts([9, 2, 0], [9, 4, 0], [9, 4, 0])); // 0.5
    expect(worst.slices).toEqual([
      { case: 0, slice: 1 },
      { case: 1, slice: 4 },
    ]);
  });

  test("leave out those where there is nothing to find and nothing was found", () => {
    const worst = new WorstSlices();
    worst.look({ case: 0, slice: 0 }, counts([9, 0], [9, 0], [9, 0]));
    expect(worst.slices).toEqual([]);
  });
});
