import { type Cell, csvText } from "../evaluation/csv.js";
import type { ClassComparison, Comparison, RunReading, RunSummary } from "./compare-runs.js";
import { readings } from "./readings.js";

type Column = (summary: RunSummary, reading: RunReading, of: ClassComparison, comparison: Comparison) => Cell;

const columns: Readonly<Record<string, Column>> = {
  key: ({ key }) => key,
  run: ({ name }) => name,
  label: (_, __, { label }) => label,
  class: (_, __, { name }) => name,
  reading: (_, __, ___, { reading }) => reading,
  mean: (_, { mean }) => mean,
  mean_low: (_, { interval }) => interval?.[0] ?? null,
  mean_high: (_, { interval }) => interval?.[1] ?? null,
  cases: (_, { n }) => n,
  difference: (_, { difference }) => difference?.mean ?? null,
  difference_low: (_, { difference }) => difference?.interval?.[0] ?? null,
  difference_high: (_, { difference }) => difference?.interval?.[1] ?? null,
  pairs: (_, { difference }) => difference?.pairs ?? null,
  positive: (_, { difference }) => difference?.tests?.sign.positive ?? null,
  negative: (_, { difference }) => difference?.tests?.sign.negative ?? null,
  zero: (_, { difference }) => difference?.tests?.sign.zero ?? null,
  sign_p: (_, { difference }) => difference?.tests?.sign.p ?? null,
  sign_p_holm: (_, { difference }) => difference?.tests?.sign.holm ?? null,
  wilcoxon_p: (_, { difference }) => difference?.tests?.wilcoxon.p ?? null,
  wilcoxon_p_holm: (_, { difference }) => difference?.tests?.wilcoxon.holm ?? null,
  wilcoxon_method: (_, { difference }) => difference?.tests?.wilcoxon.method ?? null,
  batch: ({ cost }) => cost.slices,
  parameters: ({ cost }) => cost.planned?.parameters ?? null,
  step_flops: ({ cost }) => cost.planned?.flops ?? null,
  step_bytes: ({ cost }) => cost.planned?.bytes ?? null,
  peak_bytes: ({ cost }) => cost.planned?.peakBytes ?? null,
  step_ms: ({ cost }) => cost.stepMilliseconds,
  adapter: ({ cost }) => cost.adapters.join("; ") || null,
  remarks: ({ remarks }) => remarks.join(" ") || null,
};

/** A header and a line for each class and run; what does not exist is an empty field. Differences: run − baseline. */
export function comparisonCsv(comparison: Comparison): string {
  const rows = comparison.classes.flatMap((of) =>
    comparison.runs.flatMap((summary, i) => {
      const reading = of.runs[i];
      return reading === undefined
        ? []
        : [Object.values(columns).map((column) => column(summary, reading, of, comparison))];
    }),
  );
  return csvText([Object.keys(columns), ...rows]);
}

/** A header and a line for each class and case, with a column for each run: what the comparison was made from. */
export function comparisonCasesCsv({ runs, classes, reading }: Comparison): string {
  const rows = classes.flatMap(({ label, name, runs: entries }) => {
    const cases = [...new Set(entries.flatMap((entry) => Object.keys(entry.cases)))].sort();
    return cases.map((each): Cell[] => [each, label, name, ...entries.map((entry) => entry.cases[each] ?? null)]);
  });
  const header = runs.map(({ key, name }) => `${key} ${name}: ${readings[reading].title}`);
  return csvText([["case", "label", "class", ...header], ...rows]);
}

/** The whole {@link Comparison}; figures that do not exist are null. */
export const comparisonJson = (comparison: Comparison): string => `${JSON.stringify(comparison, null, 2)}\n`;
