import { describe, expect, test } from "vitest";
import { signTest } from "./sign-test.js";

const differences = (positive: number, negative: number, zero = 0): number[] => [
  ...Array<number>(positive).fill(0.1),
  ...Array<number>(negative).fill(-0.2),
  ...Array<number>(zero).fill(0),
];

describe("the sign test", () => {
  test.each([
    [3, 3, 1],
    [4, 1, 0.375],
    [8, 0, 0.0078125],
    [9, 2, 0.0654296875],
    [60, 40, 0.05688793364098088],
    [1200, 1000, 2.181702640791419e-5],
  ])("%d above and %d below: %d, as scipy.stats.binomtest has it", (positive, negative, p) => {
    expect(signTest(differences(positive, negative)).p / p).toBeCloseTo(1, 10);
    expect(signTest(differences(negative, positive)).p).toBe(signTest(differences(positive, negative)).p);
  });

  test("differences of 0 are counted and left out", () => {
    expect(signTest(differences(9, 2, 4))).toEqual({
      positive: 9,
      negative: 2,
      zero: 4,
      p: signTest(differences(9, 2)).p,
    });
    expect(signTest([0, -0, 0])).toEqual({ positive: 0, negative: 0, zero: 3, p: 1 });
    expect(signTest([]).p).toBe(1);
  });
});
