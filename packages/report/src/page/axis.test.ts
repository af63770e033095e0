import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { linearAxis, logAxis, wholeAxis } from "./axis.js";

const texts = ({ ticks }: { ticks: readonly { text: string }[] }): string[] => ticks.map(({ text }) => text);

describe("a linear axis", () => {
  test.each<[number[], string[]]>([
    [
      [0, 1.63],
      ["0.0", "0.5", "1.0", "1.5", "2.0"],
    ],
    [
      [0, 0.3],
      ["0.0", "0.1", "0.2", "0.3"],
    ],
    [
      [-0.2, 0.2],
      ["−0.2", "−0.1", "0.0", "0.1", "0.2"],
    ],
    [
      [0, 0],
      ["0.0", "0.5", "1.0"],
    ],
    [
      [0, 120],
      ["0", "50", "100", "150"],
    ],
    [
      [0, 2.9e6],
      ["0", "1e6", "2e6", "3e6"],
    ],
    [
      [0, 3e-7],
      ["0", "1e−7", "2e−7", "3e−7"],
    ],
  ])("around %j", (values, expected) => {
    expect(texts(linearAxis(values, 5))).toEqual(expected);
  });

  test("holds all values between its ends, which are marks, and has few marks, all different", () => {
    const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        values.filter((each) => each.every((value) => value === 0 || Math.abs(value) > 1e-6)),
        (each) => {
          const axis = linearAxis(each, 5);
          const margin = (axis.to - axis.from) * 1e-6;
          expect(axis.from).toBeLessThan(axis.to);
          expect(Math.min(...each)).toBeGreaterThanOrEqual(axis.from - margin);
          expect(Math.max(...each)).toBeLessThanOrEqual(axis.to + margin);
          expect(axis.ticks.length).toBeLessThanOrEqual(6);
          expect(axis.ticks.length).toBeGreaterThanOrEqual(2);
          expect(axis.ticks[0]?.value).toBe(axis.from);
          expect(axis.ticks.at(-1)?.value).toBe(axis.to);
          expect(new Set(texts(axis)).size).toBe(axis.ticks.length);
        },
      ),
    );
  });
});

describe("an axis of epochs", () => {
  test.each<[number, number, string[]]>([
    [1, 3, ["1", "2", "3"]],
    [1, 24, ["5", "10", "15", "20"]],
    [1, 100, ["20", "40", "60", "80", "100"]],
    [7, 9, ["7", "8", "9"]],
  ])("from %i to %i", (first, last, expected) => {
    expect(texts(wholeAxis(first, last, 6))).toEqual(expected);
  });

  test("a single epoch stands in the middle", () => {
    expect(wholeAxis(1, 1, 6)).toEqual({ from: 0.5, to: 1.5, ticks: [{ value: 1, text: "1" }] });
  });
});

describe("a logarithmic axis", () => {
  test("marks the values that occur where they are few", () => {
    expect(texts(logAxis([1e-3, 1e-3, 5e-4, 2.5e-4], String))).toEqual(["0.00025", "0.0005", "0.001"]);
  });

  test("marks 1, 2 and 5 times powers of ten where they are many, and powers alone over many decades", () => {
    const some = Array.from({ length: 20 }, (_, i) => 1e-3 * (1 + i));
    expect(logAxis(some, String).ticks.map(({ value }) => value)).toEqual([1e-3, 2e-3, 5e-3, 1e-2, 2e-2]);
    const decades = Array.from({ length: 9 }, (_, i) => 3 * 10 ** -i);
    expect(logAxis(decades, String).ticks.map(({ value }) => value)).toEqual(
      Array.from({ length: 8 }, (_, i) => 10 ** (i - 7)),
    );
  });
});
