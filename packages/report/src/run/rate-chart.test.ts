import { describe, expect, test } from "vitest";
import { exampleRecord } from "../../../train/src/run/testing.js";
import { type RateSettings, rateChart } from "./rate-chart.js";
import { checkWellFormed, words } from "./testing.js";

const plateau: RateSettings = { schedule: "plateau", warmupSteps: 0, epochs: 4 };

/** The chart of a run with 40 steps an epoch. */
const chart = (rates: readonly number[], settings: RateSettings): string => {
  const { text } = rateChart(
    rates.map((learningRate, epoch) => exampleRecord(epoch, { learningRate })),
    settings,
  );
  checkWellFormed(text);
  return text;
};

/** Points of the curve: share of the width from the left, share of the height from below. */
function pointsOf(text: string): (readonly [x: number, y: number])[] {
  const [, path = ""] = /<path class="line s0" d="([^"]*)"/.exec(text) ?? [];
  return [...path.matchAll(/[ML]([\d.]+) ([\d.]+)/g)].map(([, x, y]) => [
    (Number(x) - 50) / (302 - 50),
    (214 - Number(y)) / (214 - 38),
  ]);
}

describe("the learning rate", () => {
  test("of a plateau schedule is a step function over whole epochs, on a logarithmic axis", () => {
    const text = chart([1e-3, 1e-3, 5e-4, 2.5e-4], plateau);
    expect(words(text)).toContain("From 1e−3 to 2.5e−4, reduced 2 times.");
    expect(words(text)).toContain("step size, logarithmic");
    const points = pointsOf(text);
    const times = [0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1];
    points.forEach(([x], i) => {
      expect(x).toBeCloseTo(times[i] ?? -1, 2);
    });
    const heights = points.map(([, y]) => y);
    expect(heights[0]).toBe(heights[3]);
    expect(heights[4]).toBe(heights[5]);
    // Equal factors are equal distances.
    const [, , , high = 0, , middle = 0, , low = 0] = heights;
    expect(high - middle).toBeCloseTo(middle - low, 2);
    expect(high - middle).toBeGreaterThan(0.1);
  });

  test("of a cosine schedule falls from step to step, within an epoch too, on an axis from 0", () => {
    const total = 4 * 40;
    const rates = [40, 80, 120, 160].map((steps) => 1e-3 * 0.5 * (1 + Math.cos((Math.PI * (steps - 1)) / total)));
    const text = chart(rates, { ...plateau, schedule: "cosine" });
    expect(words(text)).toContain("Cosine schedule, at");
    expect(words(text)).not.toContain("logarithmic");
    const points = pointsOf(text);
    expect(points.length).toBeGreaterThan(100);
    for (const [i, [x, y]] of points.entries()) {
      expect(y).toBeLessThanOrEqual((points[i - 1]?.[1] ?? 1) + 1e-9);
      expect(y).toBeCloseTo(0.5 * (1 + Math.cos(Math.PI * x)), 1);
    }
    expect(points[0]?.[1]).toBeCloseTo(1, 2);
  });

  test("of a warm-up rises before it is constant", () => {
    const text = chart([1e-3, 1e-3], { ...plateau, schedule: "constant", warmupSteps: 20 });
    const heights = pointsOf(text).map(([, y]) => y);
    expect(heights[0]).toBeLessThan(heights[5] ?? 0);
    expect(heights[25]).toBe(heights.at(-1));
    expect(words(text)).toContain("Constant at 1e−3. Warm-up over the first 20 steps.");
  });

  test("of no epoch, and of a rate that reaches 0, is drawn without a number that is none", () => {
    expect(words(chart([], plateau))).toContain("No value in any epoch.");
    expect(chart([1e-3, 0], plateau)).not.toMatch(/NaN|Infinity/);
    expect(chart([0], { ...plateau, schedule: "polynomial", epochs: 1 })).not.toMatch(/NaN|Infinity/);
  });
});
