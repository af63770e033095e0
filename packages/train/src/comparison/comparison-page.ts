import { counted, fixed, missing, withPrefix } from "../report/format.js";
import { type Html, html } from "../report/html.js";
import { lineChart } from "../report/line-chart.js";
import { pageOf } from "../report/page.js";
import { scatterChart } from "../report/scatter-chart.js";
import { slopeChart } from "../report/slope-chart.js";
import { lineStyles } from "../report/style.js";
import type { EpochRecord } from "../run/epoch-record.js";
import type { ClassComparison, Comparison, RunSummary } from "./compare-runs.js";
import { differenceTable } from "./difference-table.js";
import { bytes, milliseconds } from "./format-comparison.js";
import { readings } from "./readings.js";
import { notesOf, outcomes, signed, titled } from "./texts.js";

/**
 * A comparison as one HTML page that needs nothing else: no script, no request. The same input gives the same text.
 * @param metrics the epochs of each run, in the order of the comparison's runs.
 */
export function renderComparison(comparison: Comparison, metrics: readonly (readonly EpochRecord[])[]): string {
  const { runs, classes, reading, paired } = comparison;
  const [baseline] = runs;
  const title = `${counted(runs.length, "run")} compared`;
  return pageOf(
    `${title} – Lobule`,
    html`<header><h1>${title}</h1><p>${readings[reading].title}, ${paired ? "case by case" : "unpaired"}; the baseline is ${baseline && titled(baseline)}.</p></header>
<section><h2>Differences from the baseline</h2>
${differenceTable(comparison)}
${notesOf(comparison).map((note) => html`<p class="note">${note}</p>`)}</section>
<section><h2>A training step</h2>
${costTable(runs)}</section>
<section><h2>Accuracy and time</h2><div class="charts">${classes.map((each) => timeChart(each, comparison))}</div></section>
<section><h2>Validation, epoch by epoch</h2><p class="note">As training measured it, at the network's own resolution.</p><div class="charts">${curves(comparison, metrics)}</div></section>
${paired ? html`<section><h2>Case by case</h2><p class="note">A line a case. The cases with the largest and the smallest change are named.</p><div class="charts">${classes.flatMap((each) => caseCharts(each, comparison))}</div></section>` : null}`,
  );
}

const styleOf = (index: number): number => index % lineStyles;

const costTable = (runs: readonly RunSummary[]): Html => html`<div class="scrolled"><table>
<thead><tr><th scope="col">Run</th><th scope="col" class="number">Batch</th><th scope="col" class="number">Parameters</th><th scope="col" class="number">FLOPs</th><th scope="col" class="number">Read and written</th><th scope="col" class="number">Peak on the device</th><th scope="col" class="number">ms, measured</th><th scope="col">Measured on</th></tr></thead>
<tbody>${runs.map((run) => {
  const { planned, slices, stepMilliseconds, adapter } = run.cost;
  return html`<tr><th scope="row">${titled(run)}</th><td class="number">${slices}</td><td class="number">${withPrefix(planned?.parameters)}</td><td class="number">${withPrefix(planned?.flops)}</td><td class="number">${bytes(planned?.bytes)}</td><td class="number">${bytes(planned?.peakBytes)}</td><td class="number value">${milliseconds(stepMilliseconds)}</td><td>${adapter ?? missing}</td></tr>
`;
})}</tbody></table></div>
`;

function timeChart({ name, runs: entries }: ClassComparison, { runs, reading }: Comparison): Html {
  const { title, digits, better } = readings[reading];
  // Steps on batches of different sizes are different amounts of work; slices are not.
  const bySlice = new Set(runs.map(({ cost }) => cost.slices)).size > 1;
  const points = runs.flatMap((run, i) => {
    const { stepMilliseconds, slices } = run.cost;
    const { mean = null, interval = null } = entries[i] ?? {};
    if (stepMilliseconds === null || mean === null) return [];
    const x = bySlice ? stepMilliseconds / slices : stepMilliseconds;
    return [{ name: titled(run), style: styleOf(i), x, y: mean, interval }];
  });
  const [best, second] = points.toSorted((a, b) => (better === "higher" ? b.y - a.y : a.y - b.y));
  return scatterChart({
    title: name,
    finding:
      best === undefined
        ? "No run has a measured step."
        : best.y === second?.y
          ? `The best are equal, at ${fixed(best.y, digits)}.`
          : `Best: ${best.name}, ${fixed(best.y, digits)} at ${milliseconds(best.x)} ms.`,
    across: `ms a training ${bySlice ? "slice" : "step"}, measured`,
    up: title,
    points,
  });
}

/** Validation loss, apart for runs with different losses, and Dice of each class, of all runs. */
function curves({ runs, classes }: Comparison, metrics: readonly (readonly EpochRecord[])[]): Html[] {
  const last = Math.max(0, ...metrics.flatMap((records) => records.map(({ epoch }) => epoch + 1)));
  const epochs = Array.from({ length: last }, (_, i) => i + 1);
  const losses = [...new Set(runs.map(({ loss }) => loss))];
  const chart = (
    title: string,
    quantity: string,
    scale: "linear" | "share",
    of: (record: EpochRecord) => number | null,
    shown: (run: RunSummary) => boolean = () => true,
  ): Html => {
    const lines = runs.flatMap((run, i) => {
      if (!shown(run)) return [];
      const values = new Map((metrics[i] ?? []).map((record) => [record.epoch + 1, of(record)]));
      return [{ name: titled(run), style: styleOf(i), values: epochs.map((epoch) => values.get(epoch) ?? null) }];
    });
    return lineChart({ ...{ title, quantity, scale, epochs, lines }, finding: extremeOf(lines, scale) });
  };
  return [
    // Values of different losses are different quantities: a chart for each.
    ...losses.map((loss) =>
      chart(
        losses.length === 1 ? "Validation loss" : `Validation loss: ${loss}`,
        "loss, mean over slices",
        "linear",
        ({ validation }) => validation.loss,
        (run) => run.loss === loss,
      ),
    ),
    ...classes.map(({ label, name }) =>
      chart(
        `Dice of ${name}`,
        "Dice on validation, mean over cases",
        "share",
        ({ validation }) => validation.dice.perCase[label] ?? null,
      ),
    ),
  ];
}

/** Which line comes furthest, down for a loss and up for Dice, and when. */
function extremeOf(
  lines: readonly { readonly name: string; readonly values: readonly (number | null)[] }[],
  scale: "linear" | "share",
): string {
  const sign = scale === "share" ? -1 : 1;
  const all = lines.flatMap(({ name, values }) =>
    values.flatMap((value, i) => (value === null || !Number.isFinite(value) ? [] : [{ name, value, epoch: i + 1 }])),
  );
  const rising = all.toSorted((a, b) => sign * (a.value - b.value));
  const best = rising[0];
  if (best === undefined) return "No run has a finished epoch.";
  return best.value === rising.at(-1)?.value
    ? `${fixed(best.value, 3)} in every epoch of every run.`
    : `${sign > 0 ? "Lowest" : "Highest"}: ${best.name}, ${fixed(best.value, 3)} in epoch ${best.epoch}.`;
}

/** A chart for each run but the baseline. */
function caseCharts({ name, runs: entries }: ClassComparison, { runs, reading }: Comparison): Html[] {
  const { title, digits, better } = readings[reading];
  const [baseline] = entries;
  return entries.flatMap(({ key, cases, difference }, i) => {
    const run = runs[i];
    if (difference === null || run === undefined || baseline === undefined) return [];
    const pairs = Object.entries(cases).flatMap(([caseName, after]) => {
      const before = baseline.cases[caseName];
      return after === null || before == null ? [] : [{ name: caseName, before, after }];
    });
    return slopeChart({
      ...{ pairs, better, quantity: title, before: baseline.key, after: key },
      title: `${name}: ${titled(run)}`,
      finding: `Mean ${signed(difference.mean, digits)}; better/worse/same ${outcomes(difference, better)}.`,
    });
  });
}
