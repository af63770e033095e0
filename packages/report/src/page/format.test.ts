import { describe, expect, test } from "vitest";
import { counted, duration, fixed, rate, whole, withPrefix } from "./format.js";

describe("numbers for people", () => {
  test.each<[number | null | undefined, number, string]>([
    [0.95, 3, "0.950"],
    [-12.34, 1, "−12.3"],
    [null, 3, "–"],
    [undefined, 3, "–"],
    [Number.NaN, 3, "–"],
    [Number.POSITIVE_INFINITY, 3, "–"],
  ])("%s with %i digits", (value, digits, text) => {
    expect(fixed(value, digits)).toBe(text);
  });

  test.each([
    [1e-4, "1e−4"],
    [2.5e-4, "2.5e−4"],
    [1.25e-4, "1.25e−4"],
    [0.01, "0.01"],
    [0.3, "0.3"],
    [0, "0"],
  ])("step size %s", (value, text) => {
    expect(rate(value)).toBe(text);
  });

  test.each<[number | null, string]>([
    [0, "0 "],
    [7, "7 "],
    [999, "999 "],
    [999.6, "1.00 k"],
    [12_345, "12.3 k"],
    [1_930_000, "1.93 M"],
    [345.6e9, "346 G"],
    [2.5e15, "2500 T"],
    [null, "–"],
  ])("%s with a prefix", (value, text) => {
    expect(withPrefix(value)).toBe(text);
  });

  test.each([
    [0.4, "0 s"],
    [59.6, "1 min 0 s"],
    [125, "2 min 5 s"],
    [3599.7, "1 h 0 min"],
    [12_000, "3 h 20 min"],
  ])("%s seconds", (value, text) => {
    expect(duration(value)).toBe(text);
  });

  test("large numbers are grouped, one is singular", () => {
    expect(whole(1_234_567)).toBe("1\u202f234\u202f567");
    expect([counted(1, "case"), counted(1482, "slice")]).toEqual(["1 case", "1\u202f482 slices"]);
  });
});
