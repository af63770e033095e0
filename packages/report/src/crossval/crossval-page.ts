import { caseDice } from "@lobule/metrics";
import type { CrossValidation, EpochRecord } from "@lobule/train";
import { epochsOf, linesOfRuns } from "../comparison/curves-of-runs.js";
import { counted, duration, fixed, missing, whole } from "../page/format.js";
import { type Html, html } from "../page/html.js";
import { lineChart } from "../page/line-chart.js";
import { pageOf } from "../page/page.js";
import { styleOfClass } from "../page/style.js";
import { diceTable, measuresTable } from "../run/dice-table.js";
import { forReport } from "../run/report-evaluation.js";
import { valuesTable } from "../run/values-table.js";

/** What the page of a cross-validation shows. */
export interface CrossValidationInput {
  /** What it is called. */
  readonly title: string;
  readonly result: CrossValidation;
  /** The epochs of each fold, in their order. */
  readonly metrics: readonly (readonly EpochRecord[])[];
  /** Settings of all folds. */
  readonly settings: unknown;
}

/**
 * A cross-validation as one HTML page that needs nothing else: no script, no request. The same input gives the same text.
 */
export function renderCrossValidation(input: CrossValidationInput): string {
  const { title, result, settings } = input;
  const { folds, evaluation } = result;
  const report = forReport(evaluation);
  const seconds = folds.reduce((sum, fold) => sum + fold.seconds, 0);
  return pageOf(
    `${title} – Lobule cross-validation`,
    html`<header><h1>${title}</h1><p>${counted(folds.length, "fold")}, ${counted(evaluation.cases.length, "case")}; each case was measured once, by the model that was not trained on it. Training took ${duration(seconds)} in all.</p></header>
<section><h2>Dice on ${counted(evaluation.cases.length, "case")}</h2>
<p class="note">Of all folds together, on whole scans at their own resolution. Each fold is the best checkpoint of its run.</p>
${diceTable(report)}${measuresTable(report)}</section>
<section><h2>Fold by fold</h2>
<p class="note">Per-case Dice: the mean over the fold's cases whose truth has the class, n of them. Folds differ by their cases as well as by their training.</p>
${foldTable(result)}</section>
<section><h2>Validation, epoch by epoch</h2><p class="note">As training measured it after each epoch, on slices at the network's own resolution; the tables measure whole scans. Thin lines are the folds; a bold line is their mean, in the epochs that all of them have.</p><div class="charts">${curves(input)}</div></section>
<section><h2>Case by case</h2><p class="note">Per-case Dice, the lowest first, by the last class that a case has.</p>
${caseTable(result)}</section>
<section><h2>What was run</h2>${valuesTable("Settings of all folds", settings)}</section>`,
  );
}

function foldTable({ folds, evaluation }: CrossValidation): Html {
  return html`<div class="scrolled"><table>
<thead><tr><th scope="col">Run</th><th scope="col" class="number">Trained on</th><th scope="col" class="number">Held out</th><th scope="col" class="number">Best epoch</th><th scope="col" class="number">Time</th>${evaluation.classes.map(({ name }) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
<tbody>${folds.map(
    ({ run, training, validation, checkpoint, seconds, classes }) =>
      html`<tr><th scope="row">${run}</th><td class="number">${whole(training)}</td><td class="number">${whole(validation.length)}</td><td class="number">${checkpoint.epoch ?? missing}</td><td class="number">${duration(seconds)}</td>${classes.map(({ perCase, n }) => html`<td class="number"><span class="value">${fixed(perCase, 3)}</span> <small>n ${n}</small></td>`)}</tr>
`,
  )}</tbody></table></div>
`;
}

function curves({ result: { evaluation }, metrics }: CrossValidationInput): Html[] {
  const epochs = epochsOf(metrics.flat());
  const names = metrics.map((_, i) => `fold ${i}`);
  const loss = lineChart({
    title: "Validation loss",
    quantity: "loss, mean over slices",
    scale: "linear",
    epochs,
    lines: linesOfRuns("mean", 0, { names, metrics, epochs, of: ({ validation }) => validation.loss }),
    finding: `Of ${counted(metrics.length, "fold")}.`,
  });
  const dice = evaluation.classes.map(({ label, name, dice: { perCase } }, i) =>
    lineChart({
      title: `Dice of ${name}`,
      quantity: "Dice on validation, mean over cases",
      scale: "share",
      epochs,
      lines: linesOfRuns("mean", styleOfClass(i), {
        names,
        metrics,
        epochs,
        of: ({ validation }) => validation.dice.perCase[label] ?? null,
      }),
      finding: `In the table: ${fixed(perCase.value, 3)}, mean over ${counted(perCase.n, "case")}.`,
    }),
  );
  return [loss, ...dice];
}

/** Cases that are shown before the others are unfolded. */
const shown = 10;

function caseTable({ folds, evaluation }: CrossValidation): Html {
  const runs = new Map(folds.flatMap(({ run, validation }) => validation.map((name) => [name, run] as const)));
  const rows = evaluation.cases
    .map(({ name, classes }) => {
      const dice = classes.map((each) => (each.dice.target === 0 ? null : caseDice(each.dice)));
      return { name, dice, last: dice.findLast((value) => value !== null) ?? Number.POSITIVE_INFINITY };
    })
    .sort((a, b) => a.last - b.last || (a.name < b.name ? -1 : 1));
  const table = (part: typeof rows): Html => html`<div class="scrolled"><table>
<thead><tr><th scope="col">Case</th><th scope="col">Run</th>${evaluation.classes.map(({ name }) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
<tbody>${part.map(
    ({ name, dice }) =>
      html`<tr><th scope="row">${name}</th><td>${runs.get(name)}</td>${dice.map((value) => html`<td class="number value">${fixed(value, 3)}</td>`)}</tr>
`,
  )}</tbody></table></div>
`;
  const rest = rows.slice(shown);
  return html`${table(rows.slice(0, shown))}${
    rest.length === 0
      ? null
      : html`<details><summary>All others <small>${counted(rest.length, "case")}</small></summary>${table(rest)}</details>`
  }`;
}
