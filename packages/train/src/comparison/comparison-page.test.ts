import { describe, expect, test } from "vitest";
import { checkSelfContained, checkWellFormed, words } from "../report/testing.js";
import { type CompareOptions, compareRuns } from "./compare-runs.js";
import type { ComparedRun } from "./compared-run.js";
import { renderComparison } from "./comparison-page.js";
import { exampleRuns } from "./testing.js";

const pageOf = (runs: readonly ComparedRun[], options: CompareOptions = {}): string =>
  renderComparison(
    compareRuns(runs, options),
    runs.map(({ metrics }) => metrics),
  );

const titles = (page: string): (string | undefined)[] =>
  [...page.matchAll(/<figure class="chart"><figcaption><h3>([^<]*)<\/h3>/g)].map(([, title]) => title);

describe("the page of a comparison", () => {
  const page = pageOf(exampleRuns());

  test("is well-formed and needs nothing but itself; the same runs give the same text", () => {
    checkWellFormed(page);
    checkSelfContained(page);
    expect(pageOf(exampleRuns())).toBe(page);
  });

  test("has the differences with intervals and tests, and what a step costs", () => {
    const text = words(page);
    expect(text).toContain("3 runs compared");
    expect(text).toContain("B attention-res-unet-plus 0.936 8 +0.011 +0.006 to +0.016 7/1/0 0.141 0.047");
    expect(text).toContain("C narrow 8 1.93 M 12.3 G 456 MB 789 MB 60.0 llvmpipe");
  });

  test("has accuracy against time, curves of all runs, and each run's cases beside the baseline's", () => {
    expect(titles(page)).toEqual([
      ...["liver", "tumour", "Validation loss", "Dice of liver", "Dice of tumour"],
      ...["liver: B attention-res-unet-plus", "liver: C narrow"],
      ...["tumour: B attention-res-unet-plus", "tumour: C narrow"],
    ]);
    expect(words(page)).toContain("Best: B attention-res-unet-plus, 0.936 at 180 ms.");
    // Eight cases of the liver, seven of the tumour, two runs each.
    expect(page.match(/class="case /g)).toHaveLength(30);
    // Three runs: a loss and two classes.
    expect(page.match(/class="line /g)).toHaveLength(9);
  });

  test("losses of different kinds are never in one chart, and a note says which run had which", () => {
    const runs = exampleRuns().map((run, i) => (i === 1 ? { ...run, loss: "tversky, alpha 0.3, beta 0.7" } : run));
    const mixed = pageOf(runs);
    checkWellFormed(mixed);
    expect(titles(mixed).filter((title) => title?.startsWith("Validation loss"))).toEqual([
      `Validation loss: ${runs[0]?.loss}`,
      "Validation loss: tversky, alpha 0.3, beta 0.7",
    ]);
    // Two runs in one chart, one in the other; Dice of both classes of all three.
    expect(mixed.match(/class="line /g)).toHaveLength(9);
    expect(words(mixed)).toContain("Trained with different losses (A, C: dice-ce");
    expect(words(page)).not.toContain("different losses");
  });

  test("unpaired it has no cases and no tests", () => {
    const unpaired = pageOf(exampleRuns(), { paired: false });
    checkWellFormed(unpaired);
    expect(titles(unpaired)).toHaveLength(5);
    expect(words(unpaired)).not.toContain("Wilcoxon");
  });

  test("batches that differ are compared by the slice", () => {
    const runs = exampleRuns().map((run, i) => (i === 0 ? { ...run, workload: null, batch: 4 } : run));
    const text = words(pageOf(runs, { paired: false }));
    expect(text).toContain("ms a training slice, measured");
    expect(text).toContain("Best: B attention-res-unet-plus, 0.936 at 22.5 ms.");
  });

  test("runs without an epoch, and names that look like markup, do it no harm", () => {
    const runs = exampleRuns().map((run, i) => ({ ...run, metrics: [], directory: `runs/<b>"&${i}` }));
    const bare = pageOf(runs);
    checkWellFormed(bare);
    expect(words(bare)).toContain("No run has a measured step.");
    expect(words(bare)).toContain("No run has a finished epoch.");
    expect(bare).not.toContain("<b>");
  });

  test("runs that are equal are called so", () => {
    const [a] = exampleRuns();
    if (a === undefined) throw new Error("a run");
    const text = words(pageOf([a, { ...a, directory: "runs/copy" }]));
    expect(text).toContain("The best are equal, at 0.925.");
    expect(text).toContain("Mean +0.000; better/worse/same 0/0/8.");
  });

  test("lengths of training may differ: a line ends where its run ends", () => {
    const [a, b] = exampleRuns();
    if (a === undefined || b === undefined) throw new Error("two runs");
    const loss = pageOf([a, { ...b, metrics: b.metrics.slice(0, 2) }]).match(/class="line s[01]" d="[^"]*"/g);
    expect(loss?.[0]?.match(/L/g)).toHaveLength(3);
    expect(loss?.[1]?.match(/L/g)).toHaveLength(1);
  });
});
