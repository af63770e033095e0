import { describe, expect, test } from "vitest";
import { scatterChart } from "./scatter-chart.js";
import { slopeChart } from "./slope-chart.js";

describe("a chart of points", () => {
  const chart = (points: Parameters<typeof scatterChart>[0]["points"]): string =>
    scatterChart({ title: "liver", finding: "B leads.", across: "ms", up: "Dice", points }).text;

  test("begins at 0 to the right, is as high as the intervals, and names its points", () => {
    const text = chart([
      { name: "A", style: 0, x: 50, y: 0.5, interval: [0, 1] },
      { name: "B", style: 1, x: 100, y: 1, interval: null },
    ]);
    expect(text).toContain('<circle class="dot s0" cx="176" cy="126"');
    expect(text).toContain('<circle class="dot s1" cx="302" cy="38"');
    expect(text).toContain('<path class="whisker s0" d="M176 214V38"/>');
    expect(text).not.toContain("whisker s1");
    for (const part of [">A</text>", ">B</text>", ">ms<", ">Dice<", "<p>B leads.</p>"]) expect(text).toContain(part);
  });

  test("without a point says so", () => {
    expect(chart([])).toContain("No run has both values.");
  });
});

describe("a chart of pairs", () => {
  const pairs = [
    { name: "up", before: 0, after: 1 },
    { name: "down", before: 0.5, after: 0 },
    { name: "same", before: 0.5, after: 0.5 },
  ];
  const chart = (better: "higher" | "lower", of = pairs): string =>
    slopeChart({ title: "t", finding: "f", quantity: "Dice", before: "A", after: "B", pairs: of, better }).text;

  test("has a line for each pair, larger values higher, colored by what is better", () => {
    expect(chart("higher")).toContain('<path class="case s0" d="M64 214L288 38"/>');
    expect(chart("higher")).toContain('<path class="case s1" d="M64 126L288 214"/>');
    expect(chart("higher")).toContain('<path class="case s5" d="M64 126L288 126"/>');
    expect(chart("lower")).toContain('<path class="case s1" d="M64 214L288 38"/>');
  });

  test("names the pairs that change most", () => {
    const labels = [...chart("higher").matchAll(/class="label"[^>]*>([^<]*)</g)].map(([, name]) => name);
    expect(labels.sort()).toEqual(["down", "up"]);
    expect(chart("higher", [])).toContain("No case has both values.");
  });
});
