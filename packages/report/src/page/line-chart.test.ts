import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type LineChartOptions, lineChart } from "./line-chart.js";
import { spread } from "./plot.js";

const chart = (values: readonly (number | null)[], changes: Partial<LineChartOptions> = {}): string =>
  lineChart({
    title: "Loss",
    finding: "It falls.",
    quantity: "loss",
    scale: "linear",
    best: 2,
    epochs: values.map((_, i) => i + 1),
    lines: [{ name: "validation", values, style: 0 }],
    ...changes,
  }).text;

/** Paths and dots of the lines: neither axes nor labels. */
const drawn = (text: string): string[] => [
  ...[...text.matchAll(/class="line [^"]*" d="([^"]*)"/g)].map(([, path = ""]) => path),
  ...[...text.matchAll(/<circle/g)].map(() => "dot"),
];

describe("a chart", () => {
  test("has a title, what is seen, quantities with marks on both axes, the line named at its end, the best epoch", () => {
    const text = chart([1.2, 0.6, 0.8]);
    for (const part of ["<h3>Loss</h3>", "<p>It falls.</p>", ">loss<", ">epoch<", ">0.0<", ">1.5<", ">1<", ">3<"]) {
      expect(text).toContain(part);
    }
    expect(text).toContain(">validation</text>");
    expect(text).toContain(">best: 2</text>");
    expect(text).toContain('aria-label="Loss. It falls."');
  });

  test("goes from left to right, larger values higher", () => {
    expect(drawn(chart([1.5, 0, 0.75]))).toEqual(["M50 38L176 214L302 126"]);
  });

  test("values that are missing or not finite leave a gap, and a point by itself is a dot", () => {
    const values = [1, 0.5, null, 0.5, Number.NaN, 0.2, 0.1];
    const [path = "", ...dots] = drawn(chart(values));
    expect(path.match(/M/g)?.length).toBe(3);
    expect(dots).toEqual(["dot"]);
  });

  test("one epoch is a dot in the middle", () => {
    expect(drawn(chart([1], { best: 1 }))).toEqual(["M176 " + "38", "dot"]);
  });

  test("no value at all is said in words", () => {
    const text = chart([null, Number.NaN]);
    expect(text).toContain("No value in any epoch.");
    expect(text).not.toContain("<svg");
  });

  test("a share goes from 0 to 1 whatever the values", () => {
    const share = chart([0.7, 0.71], { scale: "share" });
    for (const mark of ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]) expect(share).toContain(`>${mark}</text>`);
  });

  test("names are escaped and long ones shortened", () => {
    const text = chart([1], { lines: [{ name: "<hepatic vessel>", values: [1], style: 0 }] });
    expect(text).toContain(">&lt;hepatic ves…</text>");
  });

  test("holds no coordinate that is not a number, whatever the values", () => {
    const value = fc.option(fc.double(), { nil: null });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 8 }), (values) => {
        const bounded = values.map((each) => (each === null || Math.abs(each) < 1e12 ? each : null));
        expect(chart(bounded)).not.toMatch(/NaN|Infinity/);
      }),
    );
  });
});

describe("labels that are pushed apart", () => {
  test("stay where they are if there is room", () => {
    expect(spread([10, 30, 80], 14, 0, 100)).toEqual([10, 30, 80]);
  });

  test("stay in order, within the limits, and apart as far as there is room", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 12 }), (raw) => {
        const places = raw.sort((a, b) => a - b);
        const result = spread(places, 14, 0, 100);
        const apart = Math.min(14, 100 / Math.max(1, places.length - 1));
        result.forEach((place, i) => {
          expect(place).toBeGreaterThanOrEqual(-1e-9);
          expect(place).toBeLessThanOrEqual(100 + 1e-9);
          if (i > 0) expect(place - (result[i - 1] ?? 0)).toBeGreaterThanOrEqual(apart - 1e-9);
        });
      }),
    );
  });
});
