import { expect, test } from "vitest";
import { intensitiesText, intensityMap, shownRange } from "./intensities.js";

const plain = { window: [-160, 240] as const };
const scored = { ...plain, normalization: { kind: "foreground" as const, mean: 100, deviation: 50 } };

const numberOf = (intensities: typeof plain, value: number): number => {
  const { low, high, gain, shift } = intensityMap(intensities);
  return Math.min(Math.max(value, low), high) * gain + shift;
};

test("the window becomes 0 to 1, and what is outside a slice 0", () => {
  expect([-1000, -160, 40, 3000].map((value) => numberOf(plain, value))).toEqual([0, 0, 0.5, 1]);
  expect(numberOf(plain, intensityMap(plain).outside)).toBe(0);
});

test("z-scores are of the clipped value, and what is outside a slice is the mean", () => {
  expect([-1000, 100, 150, 3000].map((value) => numberOf(scored, value))).toEqual([-5.2, 0, 1, 2.8]);
  expect(numberOf(scored, intensityMap(scored).outside)).toBe(0);
});

test("the shown range is the window in the network's numbers", () => {
  expect(shownRange(plain)).toEqual({ middle: 0.5, width: 1 });
  const { middle, width } = shownRange(scored);
  expect(middle - width / 2).toBeCloseTo(numberOf(scored, -160), 12);
  expect(middle + width / 2).toBeCloseTo(numberOf(scored, 240), 12);
});

test("intensities in words", () => {
  expect(intensitiesText(plain)).toBe("window -160 to 240");
  expect(intensitiesText(scored)).toBe("window -160 to 240, as z-scores of mean 100 and standard deviation 50");
});
