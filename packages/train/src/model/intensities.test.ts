import { expect, test } from "vitest";
import {
  drawnWindow,
  type Intensities,
  imageWindow,
  intensitiesText,
  intensityMap,
  shownRange,
} from "./intensities.js";

const plain = { window: [-160, 240] as const };
const scored = { ...plain, normalization: { kind: "foreground" as const, mean: 100, deviation: 50 } };

const byImage = { window: imageWindow, normalization: { kind: "image" as const } };

const numberOf = (intensities: Intensities, value: number): number => {
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

test("an image's own z-scores stay as they are, far ones clipped, and what is outside a slice is the mean", () => {
  expect([-99, -1.5, 0, 3, 99].map((value) => numberOf(byImage, value))).toEqual([-32, -1.5, 0, 3, 32]);
  expect(numberOf(byImage, intensityMap(byImage).outside)).toBe(0);
  expect(shownRange(byImage)).toEqual({ middle: 0, width: 4 });
  expect(drawnWindow(byImage, { mean: 100, deviation: 12.34567 })).toEqual([75.31, 124.7]);
  expect(drawnWindow(plain)).toEqual([-160, 240]);
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
  expect(intensitiesText(byImage)).toBe(
    "z-scores by each image's own mean and standard deviation, clipped to -32 to 32",
  );
});
