import type { EpochRecord } from "@lobule/train";
import { counted, fixed, missing, withPrefix } from "../page/format.js";
import { type Html, html } from "../page/html.js";
import { type Line, lineChart } from "../page/line-chart.js";
import { pageOf } from "../page/page.js";
import { scatterChart } from "../page/scatter-chart.js";
import { slopeChart } from "../page/slope-chart.js";
import { lineStyles } from "../page/style.js";
import type { ClassComparison, Comparison, RunSummary } from "./compare-runs.js";
import { epochsOf, linesOfRuns } from "./curves-of-runs.js";
import { differenceTable } from "./difference-table.js";
import { bytes, milliseconds } from "./format-comparison.js";
import { readings } from "./readings.js";
import { notesOf, outcomes, signed, titled, trainedOf } from "./texts.js";

/** The epochs of each run, of each variant. */
type VariantMetrics = readonly (readonly (readonly EpochRecord[])[])[];

/**
 * A comparison as one HTML page that needs nothing else: no script, no request. The same input gives the same text.
 * @param metrics the epochs of every run, by variants and runs in the order of the comparison.
 */
export function renderComparison(comparison: Comparison, metrics: VariantMetrics): string {
  const { runs, classes, reading, paired } = comparison;
  const [baseline] = runs;
  const trained = trainedOf(runs);
  const title = `${counted(runs.length, trained > 1 ? "variant" : "run")} compared`;
  const each = trained > 1 ? `each variant trained ${trained} times (seeds or folds); ` : "";
  return pageOf(
    `${title} – Lobule`,
    html`<header><h1>${title}</h1><p>${readings[reading].title}, ${paired ? "case by case" : "unpaired"}; ${each}the baseline is ${baseline && titled(baseline)}.</p></header>
<section><h2>Differences from the baseline</h2>
${differenceTable(comparison)}
${notesOf(comparison).map((note) => html`<p class="note">${note}</p>`)}</section>
${trained > 1 ? runsSection(comparison) : null}
<section><h2>A training step</h2>
${costTable(runs)}</section>
<section><h2>Accuracy and time</h2><p class="note">Vertically the mean and the 95 % interval of the table above, horizontally the time of a training step.</p><div class="charts">${classes.map((of) => timeChart(of, comparison))}</div></section>
<section><h2>Validation, epoch by epoch</h2><p class="note">As training measured it after each epoch, on slices at the network's own resolution. The table measures each run's best checkpoint on whole scans, so its figures are others.${trained > 1 ? ` Thin lines are the ${trained} runs of each variant; a bold line is their mean, in the epochs that all of them have.` : ""}</p><div class="charts">${curves(comparison, metrics)}</div></section>
${paired ? html`<section><h2>Case by case</h2><p class="note">A line for each case${trained > 1 ? ", from the mean over the baseline's runs to the mean over the variant's" : ""}. The cases with the largest and the smallest change are named.</p><div class="charts">${classes.flatMap((of) => caseCharts(of, comparison))}</div></section>` : null}`,
  );
}

const styleOf = (index: number): number => index % lineStyles;

/** What each run of a variant reached by itself: how far seeds and folds differ. */
function runsSection({ runs, classes, reading }: Comparison): Html {
  const { title, digits } = readings[reading];
  const longest = Math.max(...runs.map(({ directories }) => directories.length));
  return html`<section><h2>Each run by itself</h2><p class="note">${title}: the mean over the cases that the run was validated on.</p>
<div class="scrolled"><table>
<thead><tr><th scope="col">Variant</th>${Array.from({ length: longest }, (_, i) => html`<th scope="col" class="number">Run ${i + 1}</th>`)}</tr></thead>
${classes.map(
  (each) => html`<tbody><tr class="class"><th scope="rowgroup" colspan="${longest + 1}">${each.name}</th></tr>
${runs.map(
  (run, i) => html`<tr><th scope="row">${titled(run)}</th>${Array.from(
    { length: longest },
    (_, k) =>
      html`<td class="number">${fixed(each.runs[i]?.runMeans[k], digits)} <small>${runName(run, k)}</small></td>`,
  )}</tr>
`,
)}</tbody>`,
)}</table></div></section>`;
}

/** The name of a run's folder. */
const runName = ({ directories }: RunSummary, run: number): string =>
  directories[run]?.split(/[\\/]/).findLast((part) => part !== "") ?? `run ${run + 1}`;

const costTable = (runs: readonly RunSummary[]): Html => html`<div class="scrolled"><table class="stacked">
<thead><tr><th scope="col">Run</th><th scope="col" class="number">Batch</th><th scope="col" class="number">Parameters</th><th scope="col" class="number">FLOPs</th><th scope="col" class="number">Read and written</th><th scope="col" class="number">Peak on the device</th><th scope="col" class="number">ms, measured</th><th scope="col">Measured on</th></tr></thead>
<tbody>${runs.map((run) => {
  const { planned, slices, stepMilliseconds, adapters } = run.cost;
  return html`<tr><th scope="row">${titled(run)}</th><td class="number" data-label="Batch">${slices}</td><td class="number" data-label="Parameters">${withPrefix(planned?.parameters)}</td><td class="number whole" data-label="FLOPs">${withPrefix(planned?.flops)}</td><td class="number whole" data-label="Read and written">${bytes(planned?.bytes)}</td><td class="number whole" data-label="Peak on the device">${bytes(planned?.peakBytes)}</td><td class="number value whole" data-label="ms, measured">${milliseconds(stepMilliseconds)}</td><td class="whole" data-label="Measured on">${adapters.join("; ") || missing}</td></tr>
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
  const [best, ...others] = points.toSorted((a, b) => (better === "higher" ? b.y - a.y : a.y - b.y));
  const shown =
    points.length === runs.length
      ? ""
      : ` Shown: ${points.length} of ${runs.length}, the others have no measured step or no value.`;
  return scatterChart({
    title: name,
    finding: `${
      best === undefined
        ? "No run has a measured step."
        : others.some(({ y }) => fixed(y, digits) === fixed(best.y, digits))
          ? `The best are equal, at ${fixed(best.y, digits)}.`
          : `Best: ${best.name}, ${fixed(best.y, digits)} at ${milliseconds(best.x)} ms.`
    }${best === undefined ? "" : shown}`,
    across: `ms a training ${bySlice ? "slice" : "step"}, measured`,
    up: title,
    points,
  });
}

/** Validation loss, apart for runs with different losses, and Dice of each class, of every run of every variant. */
function curves(comparison: Comparison, metrics: VariantMetrics): Html[] {
  const { runs, classes } = comparison;
  const epochs = epochsOf(metrics.flat(2));
  /** A line of each run and, of several, their mean; `of` is what is drawn of an epoch. */
  const linesOf = (shown: readonly RunSummary[], of: (record: EpochRecord) => number | null): Line[] =>
    runs.flatMap((run, i) => {
      if (!shown.includes(run)) return [];
      const names = run.directories.map((_, k) => runName(run, k));
      return linesOfRuns(titled(run), styleOf(i), { names, metrics: metrics[i] ?? [], epochs, of });
    });
  // Values of different losses are different quantities: a chart for each.
  const losses = [...new Set(runs.map(({ loss }) => loss))].map((loss) => {
    const lines = linesOf(
      runs.filter((run) => run.loss === loss),
      ({ validation }) => validation.loss,
    );
    return lineChart({
      title: runs.every((run) => run.loss === loss) ? "Validation loss" : `Validation loss: ${loss}`,
      quantity: "loss, mean over slices",
      scale: "linear",
      epochs,
      lines,
      finding: lowestOf(lines, trainedOf(runs)),
    });
  });
  const dice = classes.map((of) =>
    lineChart({
      title: `Dice of ${of.name}`,
      quantity: "Dice on validation, mean over cases",
      scale: "share",
      epochs,
      lines: linesOf(runs, ({ validation }) => validation.dice.perCase[of.label] ?? null),
      finding: metrics.flat(2).length === 0 ? noEpoch : inTheTable(of, comparison),
    }),
  );
  return [...losses, ...dice];
}

const noEpoch = "No run has a finished epoch.";

/** Which of the named lines comes lowest, and when. */
function lowestOf(lines: readonly Line[], trained: number): string {
  const all = lines.flatMap(({ name, values, thin }) =>
    thin === true
      ? []
      : values.flatMap((value, i) =>
          value === null || !Number.isFinite(value) ? [] : [{ name, value, epoch: i + 1 }],
        ),
  );
  const [lowest, ...others] = all.toSorted((a, b) => a.value - b.value);
  if (lowest === undefined) return noEpoch;
  return others.length > 0 && others.at(-1)?.value === lowest.value
    ? `${fixed(lowest.value, 3)} in every epoch of every run.`
    : `Lowest${trained > 1 ? ` mean over ${trained} runs` : ""}: ${lowest.name}, ${fixed(lowest.value, 3)} in epoch ${lowest.epoch}.`;
}

/** The figures of the table beside the curves, so that the page names one number for each run. */
function inTheTable({ runs: entries }: ClassComparison, { runs, reading }: Comparison): string {
  const { title, digits } = readings[reading];
  const texts = entries.slice(0, listed).map(({ key, mean }) => `${key} ${fixed(mean, digits)}`);
  const more = runs.length > listed ? `, and ${runs.length - listed} more` : "";
  return `In the table (${title}): ${texts.join(", ")}${more}.`;
}

/** Runs whose figures are named under a chart. */
const listed = 4;

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
      pairs,
      better,
      quantity: title,
      before: baseline.key,
      after: key,
      title: `${name}: ${titled(run)}`,
      finding: `Mean ${signed(difference.mean, digits)}; better/worse/same ${outcomes(difference, better)}.${pairs.length < Object.keys(cases).length ? ` Shown: ${pairs.length} of ${Object.keys(cases).length} cases, those in which both have a value.` : ""}`,
    });
  });
}
