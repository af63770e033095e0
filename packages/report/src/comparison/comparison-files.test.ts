import { describe, expect, test } from "vitest";
import { compareRuns } from "./compare-runs.js";
import { comparisonCasesCsv, comparisonCsv, comparisonJson } from "./comparison-files.js";
import { formatComparison } from "./format-comparison.js";
import { exampleRun, exampleRuns, inFolder } from "./testing.js";

const comparison = compareRuns(exampleRuns());

describe("the table on the terminal", () => {
  const text = formatComparison(comparison);

  test("has each run beside the baseline, what a step costs, and what the figures mean", () => {
    expect(text).toContain("3 runs, Dice, per-case 3D; baseline: A unet");
    expect(text).toMatch(/A unet +0\.925 +8\n/);
    expect(text).toMatch(/B attent…unet-plus +0\.936 +8 +\+0\.011 +\+0\.006 to \+0\.016 +7\/1\/0 +0\.141 +0\.047\n/);
    expect(text).toMatch(/C narrow +0\.456 +7 +−0\.123 .*0\/7\/0/);
    expect(text).toMatch(/A unet +8 +1\.93 M +12\.3 G +456 MB +789 MB +120\n/);
    expect(text.replaceAll(/\s+/g, " ")).toContain("each Holm-corrected for the 4 tests of its kind");
  });

  test("fits 80 columns, also with long names", () => {
    const long = exampleRuns().map((run) => inFolder(run, `${run.directory}-${"very-".repeat(20)}long`));
    for (const each of [text, formatComparison(compareRuns(long))])
      for (const line of each.split("\n")) expect([...line].length).toBeLessThanOrEqual(80);
  });

  test("what was not recorded or measured is a dash, and what must not be compared is said", () => {
    const [a, b] = exampleRuns();
    if (a === undefined || b === undefined) throw new Error("two runs");
    const bare = { ...b, workload: null, metrics: [], adapter: "another", batch: 4 };
    const other = formatComparison(compareRuns([a, bare], { paired: false }));
    expect(other).toMatch(/B attention-res-unet-plus +4 +– +– +– +– +–\n|B attention…s-unet-plus +4 +– +– +– +– +–\n/);
    const flat = other.replaceAll(/\s+/g, " ");
    expect(flat).toContain("batches differ, so a step is not the same amount of work");
    expect(flat).toContain("different adapters (llvmpipe; another): their times are not comparable");
    expect(flat).toContain("Unpaired: difference of means");
    expect(flat).not.toContain("Wilcoxon");
  });

  test("too few pairs for a test are said", () => {
    const warning = /With fewer than 6 pairs no test can give a p below 0.05/;
    expect(text.replaceAll(/\s+/g, " ")).not.toMatch(warning);
    const few = compareRuns(["a", "b"].map((name) => exampleRun(`runs/${name}`, { x: [0.5, 0.5], y: [0.6, 0.6] })));
    expect(formatComparison(few).replaceAll(/\s+/g, " ")).toMatch(warning);
  });

  test("a distance counts the other way: the lower is the better", () => {
    const distances = compareRuns(exampleRuns(), { reading: "hausdorff95" });
    expect(formatComparison(distances)).toMatch(/B attent\S+ +0\.64 +8 +−0\.11 .* 7\/1\/0/);
    expect(formatComparison(distances)).toContain("lower is better");
  });
});

describe("the files", () => {
  test("comparison.csv has a line for each class and run, empty where there is no figure", () => {
    const [header = "", ...lines] = comparisonCsv(comparison).trimEnd().split("\r\n");
    const names = header.split(",");
    expect(lines).toHaveLength(6);
    const fieldOf = (line: number, name: string): string | undefined => lines[line]?.split(",")[names.indexOf(name)];
    expect([0, 1, 5].map((line) => fieldOf(line, "run"))).toEqual(["unet", "attention-res-unet-plus", "narrow"]);
    expect(fieldOf(0, "difference")).toBe("");
    expect(Number(fieldOf(1, "difference"))).toBeCloseTo(0.01125, 12);
    expect(fieldOf(1, "wilcoxon_method")).toBe("exact");
    expect(Number(fieldOf(2, "step_ms"))).toBeCloseTo(60, 9);
    expect(fieldOf(2, "peak_bytes")).toBe("789000000");
  });

  test("cases.csv has a column for each run", () => {
    const [header, first, ...rest] = comparisonCasesCsv(comparison).trimEnd().split("\r\n");
    expect(header).toContain('case,label,class,"A unet: Dice, per-case 3D"');
    expect(first).toBe("liver_1,1,liver,0.9,0.906,0.88");
    expect(rest).toContain("liver_4,2,tumor,,,");
  });

  test("comparison.json is the whole comparison", () => {
    expect(JSON.parse(comparisonJson(comparison))).toEqual(comparison);
  });

  test("a name with a quote or a comma stays one field", () => {
    const odd = compareRuns([
      exampleRun('runs/a,"b"', { x: [0.5, 0.5], y: [0.6, 0.6] }),
      exampleRun("runs/c", { x: [0.5, 0.5], y: [0.6, 0.6] }),
    ]);
    expect(comparisonCsv(odd)).toContain('A,"a,""b""",1,liver');
  });
});
