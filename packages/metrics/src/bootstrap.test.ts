import { describe, expect, test } from "vitest";
import { bootstrapDifference, bootstrapInterval } from "./bootstrap.js";
import { quantile } from "./quantile.js";

const scores = [0.91, 0.74, 0.88, 0.95, 0.81, 0.6, 0.93, 0.9, 0.86, 0.79, 0.97];
const options = { seed: 1, purpose: "test" };
const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;

describe("bootstrapInterval", () => {
  test("is the same for the same seed, purpose and values in any order", () => {
    const interval = bootstrapInterval(scores, options);
    expect(bootstrapInterval(scores.toReversed(), options)).toEqual(interval);
    expect(bootstrapInterval(scores, { ...options, seed: 2 })).not.toEqual(interval);
    expect(bootstrapInterval(scores, { ...options, purpose: "other" })).not.toEqual(interval);
  });

  test("is about the normal interval of the mean for many values", () => {
    const many = Array.from({ length: 400 }, (_, i) => i / 399);
    const [lower, upper] = bootstrapInterval(many, options) ?? [];
    const standardError = Math.sqrt(1 / 12 / 400);
    expect(lower).toBeCloseTo(0.5 - 1.96 * standardError, 2);
    expect(upper).toBeCloseTo(0.5 + 1.96 * standardError, 2);
  });

  test("worked by hand: two values have the means 0, 1/2, 1 with chances 1/4, 1/2, 1/4", () => {
    expect(bootstrapInterval([0, 1], options)).toEqual([0, 1]);
    expect(bootstrapInterval([0, 1], { ...options, level: 0.4 })).toEqual([0.5, 0.5]);
  });

  test("holds the mean, lies within the values and narrows with the level", () => {
    const [lower = Number.NaN, upper = Number.NaN] = bootstrapInterval(scores, options) ?? [];
    const [innerLower, innerUpper] = bootstrapInterval(scores, { ...options, level: 0.5 }) ?? [];
    expect(lower).toBeGreaterThan(0.6);
    expect(innerLower).toBeGreaterThan(lower);
    expect(innerLower).toBeLessThan(mean);
    expect(innerUpper).toBeGreaterThan(mean);
    expect(innerUpper).toBeLessThan(upper);
    expect(upper).toBeLessThan(0.97);
  });

  test("values that are all the same have no width, fewer than two no interval", () => {
    expect(bootstrapInterval([0.5, 0.5, 0.5], options)).toEqual([0.5, 0.5]);
    expect(bootstrapInterval([0.5], options)).toBeNull();
    expect(bootstrapInterval([], options)).toBeNull();
  });
});

describe("bootstrapDifference", () => {
  test("is about the normal interval of a difference of means, for two samples of their own sizes", () => {
    const evenly = (n: number): number[] => Array.from({ length: n }, (_, i) => i / (n - 1));
    const [lower, upper] =
      bootstrapDifference(
        evenly(400).map((value) => value + 0.2),
        evenly(100),
        options,
      ) ?? [];
    const standardError = Math.sqrt(1 / 12 / 400 + 1 / 12 / 100);
    expect(lower).toBeCloseTo(0.2 - 1.96 * standardError, 1.7);
    expect(upper).toBeCloseTo(0.2 + 1.96 * standardError, 1.7);
  });

  test("draws each sample by itself: one sample with itself has a width, and equal values have none", () => {
    const [lower, upper] = bootstrapDifference(scores, scores, options) ?? [];
    expect(lower).toBeLessThan(-0.01);
    expect(upper).toBeGreaterThan(0.01);
    expect(bootstrapDifference([0.5, 0.5], [0.25, 0.25, 0.25], options)).toEqual([0.25, 0.25]);
  });

  test("does not depend on the order of values; fewer than two on a side give none", () => {
    const others = [0.2, 0.4, 0.9];
    expect(bootstrapDifference(scores.toReversed(), others.toReversed(), options)).toEqual(
      bootstrapDifference(scores, others, options),
    );
    expect(bootstrapDifference(scores, [1], options)).toBeNull();
    expect(bootstrapDifference([1], scores, options)).toBeNull();
  });
});

test("quantile lies between the values next in rank", () => {
  const sorted = Float64Array.of(1, 2, 4, 8);
  expect([0, 1 / 3, 0.5, 11 / 12, 1].map((fraction) => quantile(sorted, fraction))).toEqual([1, 2, 3, 7, 8]);
});
