import type { EpochRecord } from "../run/epoch-record.js";
import { lossCharts } from "./charts.js";
import { diceTable, measuresTable, type ReportEvaluation } from "./dice-table.js";
import { counted, duration, fixed, whole } from "./format.js";
import { type Html, html } from "./html.js";
import { pageOf } from "./page.js";
import { drawSlice, type SliceView } from "./slice-picture.js";
import { valuesTable } from "./values-table.js";

/** A validation slice to show. */
export interface ReportSlice extends SliceView {
  readonly caseName: string;
  /** As people count slices of this case. */
  readonly slice: number;
  /** Dice of this slice by class, background first; null where truth and prediction lack the class. */
  readonly dice: readonly (number | null)[];
}

export interface ReportInput {
  /** What the run is called. */
  readonly title: string;
  /** Names of the classes, background first. */
  readonly classes: readonly string[];
  readonly config: unknown;
  readonly split: { readonly training: readonly string[]; readonly validation: readonly string[] };
  readonly environment: unknown;
  readonly metrics: readonly EpochRecord[];
  /** Of the best checkpoint, on the validation cases. */
  readonly evaluation?: ReportEvaluation;
  /** Best first, and worst first. */
  readonly slices?: { readonly best: readonly ReportSlice[]; readonly worst: readonly ReportSlice[] };
}

/**
 * The report of a run as one HTML page that needs nothing else: no script, no request. The same input gives the same
 * text.
 * @throws RangeError when a slice's arrays do not fit its extents.
 */
export function renderReport(input: ReportInput): string {
  const { title, classes, config, split, environment, metrics, evaluation, slices } = input;
  return pageOf(
    `${title} – Lobule report`,
    html`<header><h1>${title}</h1><p>${summary(input)}</p></header>
${facts(input)}
${evaluation === undefined ? null : evaluationSection(evaluation, split.validation.length)}
${slices === undefined ? null : slicesSection(slices, classes)}
${metrics.length === 0 ? null : html`<section><h2>Training, epoch by epoch</h2><p class="note">Each reading of Dice has a chart of its own, since readings cannot be compared. The background is left out.</p><div class="charts">${lossCharts(metrics, classes, config)}</div></section>`}
<section><h2>What was run</h2>
${valuesTable("Configuration", config)}
${valuesTable("Environment", environment)}
${casesTable(split)}
</section>`,
  );
}

const bestOf = (metrics: readonly EpochRecord[]): EpochRecord | undefined => metrics.findLast(({ best }) => best);

function summary({ metrics, split }: ReportInput): string {
  const cases = `${counted(split.training.length, "case")} to train on, ${whole(split.validation.length)} to validate on`;
  const best = bestOf(metrics);
  if (metrics.length === 0) return `No epoch is complete yet; ${cases}.`;
  const trained = `${counted(metrics.length, "epoch")}, ${cases}`;
  if (best === undefined) return `${trained}. No epoch had a finite validation loss.`;
  return `${trained}. The validation loss was lowest in epoch ${best.epoch + 1}.`;
}

function facts({ metrics }: ReportInput): Html | null {
  const last = metrics.at(-1);
  if (last === undefined) return null;
  const best = bestOf(metrics);
  const seconds = metrics.reduce((sum, record) => sum + record.seconds, 0);
  const mean = (of: (record: EpochRecord) => number): number =>
    metrics.reduce((sum, record) => sum + of(record), 0) / metrics.length;
  const fact = (name: string, value: string, more: string): Html =>
    html`<div><dt>${name}</dt><dd>${value}<small>${more}</small></dd></div>`;
  return html`<dl class="facts">
${best && fact("Best epoch", String(best.epoch + 1), `of ${metrics.length}`)}
${best && fact("Validation loss", fixed(best.validation.loss, 4), `training ${fixed(best.training.loss, 4)}`)}
${fact("Time", duration(seconds), `${duration(seconds / metrics.length)} an epoch`)}
${fact(
  "Speed",
  `${fixed(
    mean(({ slicesPerSecond }) => slicesPerSecond),
    1,
  )}`,
  "slices/s in training",
)}
${fact("Waited for data", `${fixed(100 * mean(({ waitedShare }) => waitedShare), 1)} %`, "of the training time")}
${fact("Steps", whole(last.step), "batches trained on")}
</dl>`;
}

const evaluationSection = (evaluation: ReportEvaluation, cases: number): Html => html`<section>
<h2>Dice on ${counted(cases, "validation case")}</h2>
${diceTable(evaluation)}${measuresTable(evaluation)}</section>`;

function slicesSection({ best, worst }: NonNullable<ReportInput["slices"]>, classes: readonly string[]): Html {
  const [, first, ...others] = classes;
  const line = (kind: string, dash = "none"): Html =>
    html`<svg width="34" height="18" viewBox="0 0 34 18" aria-hidden="true"><path class="${kind}" d="M3 9H31" stroke-width="3" stroke-dasharray="${dash}"/></svg>`;
  return html`<section><h2>Worst and best validation slices</h2>
<ul class="legend"><li>${line("truth")}truth</li><li>${line("prediction")}prediction</li><li>${line("both")}both on one line</li>${
    others.length === 0
      ? null
      : html`<li>${line("both", "5 4")}solid: ${first ?? ""}; dashed: ${others.join(", ")}</li>`
  }</ul>
${sliceGroup("Lowest Dice", worst, classes)}${sliceGroup("Highest Dice", best, classes)}</section>`;
}

function sliceGroup(title: string, slices: readonly ReportSlice[], classes: readonly string[]): Html | null {
  if (slices.length === 0) return null;
  return html`<h3 class="group">${title}</h3><div class="slices">${slices.map((slice) => {
    const name = `${slice.caseName}, slice ${slice.slice}`;
    const scores = slice.dice.flatMap((value, c) =>
      c === 0 ? [] : [`${classes[c] ?? `class ${c}`} ${value === null ? "absent" : fixed(value, 3)}`],
    );
    const source = `data:image/png;base64,${Buffer.from(drawSlice(slice)).toString("base64")}`;
    return html`<figure><img alt="${name}: the slice with truth and prediction outlined" src="${source}"><figcaption>${name}<span>Dice ${scores.join(" · ")}</span></figcaption></figure>
`;
  })}</div>
`;
}

function casesTable({ training, validation }: ReportInput["split"]): Html {
  return html`<details><summary>Cases <small>${whole(training.length)} training, ${whole(validation.length)} validation</small></summary>
<table><tbody><tr><th scope="row">training</th><td>${training.join(", ")}</td></tr><tr><th scope="row">validation</th><td>${validation.join(", ")}</td></tr></tbody></table></details>`;
}
