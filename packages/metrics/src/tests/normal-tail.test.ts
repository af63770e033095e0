import { expect, test } from "vitest";
import { normalTwoSided } from "./normal-tail.js";

test.each([
  [0, 1],
  [0.1, 0.920344325445942],
  [1, 0.31731050786291415],
  [1.959963984540054, 0.05],
  [2.8, 0.005110260660855864],
  [2.9, 0.003731626600768075],
  [4, 6.334248366623973e-5],
  [8, 1.244192114854348e-15],
  [20, 5.507248237212311e-89],
])("beyond ±%d lies %d, as scipy.stats.norm has it", (z, p) => {
  expect(normalTwoSided(z) / p).toBeCloseTo(1, 11);
  expect(normalTwoSided(-z)).toBe(normalTwoSided(z));
});
