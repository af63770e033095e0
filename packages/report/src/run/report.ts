import { type EpochRecord, lostRecordsNote, missingEpochs } from "@lobule/train";
import { z } from "zod";
import { counted, duration, fixed, whole } from "../page/format.js";
import { type Html, html } from "../page/html.js";
import { pageOf } from "../page/page.js";
import { lossCharts } from "./charts.js";
import { diceTable, measuresTable, type ReportEvaluation } from "./dice-table.js";
import { type ReportProgress, stateText, writtenText } from "./report-progress.js";
import { type GallerySlices, slicesSection } from "./slices-section.js";
import { valuesTable } from "./values-table.js";

/** What the report of a run shows. */
export interface ReportInput {
  /** What the run is called. */
  readonly title: string;
  /** Names of the classes, background first. */
  readonly classes: readonly string[];
  readonly config: unknown;
  readonly split: { readonly training: readonly string[]; readonly validation: readonly string[] };
  readonly environment: unknown;
  readonly metrics: readonly EpochRecord[];
  /** How far training is, and when that was. */
  readonly progress: ReportProgress;
  /** Of the best checkpoint, on the validation cases. */
  readonly evaluation?: ReportEvaluation;
  readonly slices?: GallerySlices;
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
    html`<header><h1>${title}</h1><p>${summary(input)}</p><p>${writtenText(input.progress)}</p></header>
${facts(input)}
${evaluation === undefined ? notMeasured(input) : evaluationSection(evaluation, split.validation.length, bestOf(metrics))}
${slices === undefined ? null : slicesSection(slices, classes)}
${metrics.length === 0 ? null : html`<section><h2>Training, epoch by epoch</h2><p class="note">${curvesNote(input)}</p><div class="charts">${lossCharts(metrics, classes, config)}</div></section>`}
<section><h2>What was run</h2>
${valuesTable("Configuration", config)}
${valuesTable("Environment", environment)}
${casesTable(split)}
</section>`,
  );
}

const bestOf = (metrics: readonly EpochRecord[]): EpochRecord | undefined => metrics.findLast(({ best }) => best);

/** Epochs that are done; their records can have been lost. */
const doneOf = (metrics: readonly EpochRecord[]): number => (metrics.at(-1)?.epoch ?? -1) + 1;

function summary({ metrics, split, progress }: ReportInput): string {
  const cases = `${counted(split.training.length, "case")} to train on, ${whole(split.validation.length)} to validate on`;
  const best = bestOf(metrics);
  const trained = `${stateText(progress, doneOf(metrics))}; ${cases}.`;
  if (metrics.length === 0) return trained;
  if (best === undefined) return `${trained} No epoch had a finite validation loss.`;
  return `${trained} The validation loss was lowest in epoch ${best.epoch + 1}.`;
}

/** Why there are no figures of whole scans yet. */
const notMeasured = ({ metrics }: ReportInput): Html | null =>
  metrics.length === 0
    ? null
    : html`<p class="note">The best checkpoint is measured on the whole validation scans once training is over; until then there are the curves.</p>`;

/** What the curves are measured on, which is not what the table is measured on. */
function curvesNote({ config, metrics }: ReportInput): string {
  const { overfitBatches, fastDevRun, size } = curvesSetting.parse(config);
  const on = fastDevRun
    ? "the first validation slices only, as this was a trial run"
    : overfitBatches === null
      ? "all validation slices"
      : "the training slices themselves, as this run was to overfit them";
  const at = size === null ? "the network's own resolution" : `the network's own resolution, ${size}×${size}`;
  const lost = lostRecordsNote(missingEpochs(metrics, doneOf(metrics)), "metrics.jsonl");
  return `${lost === undefined ? "" : `Not complete: ${lost}. `}Validation curves are measured after each epoch on ${on}, at ${at}; they differ from figures of whole scans. Each reading of Dice has a chart of its own, since readings cannot be compared. The background is left out.`;
}

/** Settings that decide what the curves are of; a configuration without them has their defaults. */
const curvesSetting = z
  .object({
    overfitBatches: z.number().nullable().catch(null),
    fastDevRun: z.boolean().catch(false),
    size: z.number().nullable().catch(null),
  })
  .catch({ overfitBatches: null, fastDevRun: false, size: null });

function facts({ metrics, progress }: ReportInput): Html | null {
  const last = metrics.at(-1);
  if (last === undefined) return null;
  const best = bestOf(metrics);
  const seconds = metrics.reduce((sum, record) => sum + record.seconds, 0);
  const mean = (of: (record: EpochRecord) => number): number =>
    metrics.reduce((sum, record) => sum + of(record), 0) / metrics.length;
  const fact = (name: string, value: string, more: string): Html =>
    html`<div><dt>${name}</dt><dd>${value}<small>${more}</small></dd></div>`;
  return html`<dl class="facts">
${best && fact("Best epoch", String(best.epoch + 1), `of ${doneOf(metrics)} done, ${progress.epochs} planned`)}
${best && fact("Validation loss", fixed(best.validation.loss, 4), `in epoch ${best.epoch + 1}; training ${fixed(best.training.loss, 4)}`)}
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

const evaluationSection = (evaluation: ReportEvaluation, validation: number, best: EpochRecord | undefined): Html =>
  html`<section>
<h2>Dice on ${evaluation.cases === validation ? "" : `${whole(evaluation.cases)} of `}${counted(validation, "validation case")}</h2>
<p class="note">${best === undefined ? "The best checkpoint" : `The best checkpoint, of epoch ${best.epoch + 1},`} measured on whole scans at their own resolution.</p>
${diceTable(evaluation)}${measuresTable(evaluation)}</section>`;

function casesTable({ training, validation }: ReportInput["split"]): Html {
  return html`<details><summary>Cases <small>${whole(training.length)} training, ${whole(validation.length)} validation</small></summary>
<table><tbody><tr><th scope="row">training</th><td>${training.join(", ")}</td></tr><tr><th scope="row">validation</th><td>${validation.join(", ")}</td></tr></tbody></table></details>`;
}
