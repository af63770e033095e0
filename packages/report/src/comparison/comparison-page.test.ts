import { describe, expect, test } from "vitest";
import { checkSelfContained, checkWellFormed, words } from "../run/testing.js";
import { type ComparedVariant, type CompareOptions, compareRuns, compareVariants } from "./compare-runs.js";
import type { ComparedRun } from "./compared-run.js";
import { renderComparison } from "./comparison-page.js";
import { formatComparison } from "./format-comparison.js";
import { exampleRuns, inFolder } from "./testing.js";

const pageOf = (runs: readonly ComparedRun[], options: CompareOptions = {}): string =>
  renderComparison(
    compareRuns(runs, options),
    runs.map(({ metrics }) => [metrics]),
  );

/** The page of variants with several runs each. */
const variantsPage = (variants: readonly ComparedVariant[]): string =>
  renderComparison(
    compareVariants(variants),
    variants.map(({ runs }) => runs.map(({ metrics }) => metrics)),
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

  test("each figure of its tables carries the heading that a narrow screen shows beside it", () => {
    const [head = "", row = ""] = ["thead", "tr"].map(
      (name) =>
        page.match(new RegExp(`<${name}>(?=<tr><th scope="col">Run|<th scope="row">B ).*?</${name}>`, "s"))?.[0],
    );
    const headings = [...head.matchAll(/<th scope="col" class="number">([^<]+)</g)].map(([, text]) => text);
    expect(headings).toHaveLength(7);
    expect([...row.matchAll(/data-label="([^"]+)"/g)].map(([, text]) => text)).toEqual(headings);
  });

  test("has accuracy against time, curves of all runs, and each run's cases beside the baseline's", () => {
    expect(titles(page)).toEqual([
      "liver",
      "tumor",
      "Validation loss",
      "Dice of liver",
      "Dice of tumor",
      "liver: B attention-res-unet-plus",
      "liver: C narrow",
      "tumor: B attention-res-unet-plus",
      "tumor: C narrow",
    ]);
    expect(words(page)).toContain("Best: B attention-res-unet-plus, 0.936 at 180 ms.");
    // Eight cases of the liver, seven of the tumor, two runs each.
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
    const runs = exampleRuns().map((run, i) => inFolder({ ...run, metrics: [] }, `runs/<b>"&${i}`));
    const bare = pageOf(runs);
    checkWellFormed(bare);
    expect(words(bare)).toContain("No run has a measured step.");
    expect(words(bare)).toContain("No run has a finished epoch.");
    expect(bare).not.toContain("<b>");
  });

  test("runs that are equal are called so", () => {
    const [a] = exampleRuns();
    if (a === undefined) throw new Error("a run");
    const text = words(pageOf([a, inFolder(a, "runs/copy")]));
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

  test("every number that it names of a class is the table's, to the digit", () => {
    const text = words(page);
    const { classes } = compareRuns(exampleRuns());
    for (const { runs } of classes) {
      expect(text).toContain(
        `In the table (Dice, per-case 3D): ${runs.map(({ key, mean }) => `${key} ${mean?.toFixed(3)}`).join(", ")}.`,
      );
    }
    expect(text).not.toContain("Highest");
  });

  test("runs whose figures are shown alike are called equal, and a run without a measured step is counted", () => {
    const [a, b] = exampleRuns();
    if (a === undefined || b === undefined) throw new Error("two runs");
    const close = inFolder({ ...a, evaluation: nearly(a) }, "runs/close");
    const text = words(pageOf([a, close, { ...b, metrics: [] }]));
    expect(text).toContain(
      "The best are equal, at 0.925. Shown: 2 of 3, the others have no measured step or no value.",
    );
  });

  test("says of how many cases it shows the lines", () => {
    expect(words(page)).toContain("Shown: 7 of 8 cases, those in which both have a value.");
  });
});

/** The same evaluation, but for a voxel of one case. */
const nearly = ({ evaluation }: ComparedRun): ComparedRun["evaluation"] => ({
  ...evaluation,
  cases: evaluation.cases.map((each, i) =>
    i > 0
      ? each
      : {
          ...each,
          classes: each.classes.map((of) => ({ ...of, dice: { ...of.dice, intersection: of.dice.intersection + 1 } })),
        },
  ),
});

describe("the page of variants with several seeds", () => {
  const seeds = 3;
  const variants = exampleRuns()
    .slice(0, 2)
    .map((run, v): ComparedVariant => {
      const seed = (at: number): ComparedRun => ({
        ...inFolder(run, `out/${v === 0 ? "unet" : "gated"}-seed${at}`),
        adapter: at === 2 ? "another adapter" : run.adapter,
        // The last seed ends an epoch earlier; each has losses of its own.
        metrics: run.metrics.slice(0, at === 2 ? 3 : 4).map((record) => ({
          ...record,
          validation: { ...record.validation, loss: record.validation.loss + at * (v + 1) * 0.1 },
        })),
      });
      return { name: v === 0 ? "unet" : "gated", runs: [seed(0), seed(1), seed(2)] };
    });
  const page = variantsPage(variants);
  const text = words(page);
  const loss = page.slice(page.indexOf("<h3>Validation loss"), page.indexOf("<h3>Dice of liver"));

  test("draws every run of every variant, and their mean where all have a value", () => {
    checkWellFormed(page);
    checkSelfContained(page);
    expect(loss.match(/class="thin /g)).toHaveLength(2 * seeds);
    const bold = loss.match(/class="line s[01]" d="[^"]*"/g);
    expect(bold).toHaveLength(2);
    // Of four epochs three have all runs: two stretches of line.
    for (const line of bold ?? []) expect(line.match(/L/g)).toHaveLength(2);
    for (const { runs } of variants) {
      for (const { directory } of runs) expect(loss).toContain(`<title>${directory.slice(4)}</title>`);
    }
    expect(text).toContain("Thin lines are the 3 runs of each variant; a bold line is their mean");
  });

  test("names the lowest mean, not the lowest run of one seed", () => {
    const epochs = variants[0]?.runs[0].metrics.length ?? 0;
    const means = Array.from({ length: epochs - 1 }, (_, e) =>
      Math.min(
        ...variants.map(
          ({ runs }) => runs.reduce((sum, { metrics }) => sum + (metrics[e]?.validation.loss ?? NaN), 0) / runs.length,
        ),
      ),
    );
    expect(text).toContain(`Lowest mean over 3 runs: A unet, ${Math.min(...means).toFixed(3)} in epoch 3.`);
  });

  test("its title, its notes and its table say what the figures are over", () => {
    expect(text).toContain("2 variants compared");
    expect(formatComparison(compareVariants(variants))).toMatch(/^2 variants, Dice, per-case 3D; baseline: A unet\n/);
    expect(text).toContain("each variant trained 3 times (seeds or folds)");
    expect(text).toContain(
      "from the mean over the baseline's runs to the mean over the variant's".replaceAll("'", "&#39;"),
    );
    expect(text).toContain("A unet 0.925 unet-seed0 0.925 unet-seed1 0.925 unet-seed2");
    expect(text).toContain("llvmpipe; another adapter");
    expect(text).toContain("Steps were measured on different adapters (llvmpipe; another adapter)");
  });
});
