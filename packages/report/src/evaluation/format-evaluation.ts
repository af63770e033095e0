import { cutText, textWidth, visibleText } from "@lobule/data";
import type { CaseReading, DiceReadings, Reading } from "@lobule/metrics";
import type { ClassSummary, EvaluationResult } from "@lobule/train";
import { counted } from "../page/format.js";
import { type PublishedPreset, publishedDice } from "./published-figures.js";
import { surfaceNotes } from "./surface-notes.js";

/** What stands beside the figures of an evaluation. */
export interface FormatEvaluationOptions {
  /** The preset whose published figures are shown too. */
  readonly reference?: PublishedPreset;
}

const lineWidth = 80;
const titleWidth = 38;
const valueWidth = 8;
const countWidth = 6;

interface Row {
  readonly title: string;
  readonly unit: "slice" | "case";
}

const diceRows: Readonly<Record<keyof DiceReadings, Row>> = {
  sliceMean: { title: "slice mean", unit: "slice" },
  foregroundSliceMean: { title: "mean of slices with the class", unit: "slice" },
  pooled: { title: "pooled voxels", unit: "case" },
  perCase: { title: "per-case 3D", unit: "case" },
  perCaseWithEmpty: { title: "per-case 3D, all cases", unit: "case" },
};
const diceKeys = Object.keys(diceRows) as readonly (keyof DiceReadings)[];

/**
 * All figures as plain text, at most 80 columns wide, with what each reading of Dice makes of empty slices and cases.
 * A published figure stands in a row of its own: its reading is unknown, so it is set against none.
 */
export function formatEvaluation(result: EvaluationResult, { reference }: FormatEvaluationOptions = {}): string {
  const trained = result.cases.filter(({ source }) => source?.use === "training").length;
  const mark = trained === 0 ? "" : `, ${trained} of ${counted(result.cases.length, "case")} trained on`;
  const blocks = result.classes.map((summary) => classTable(summary, mark, result.tolerance, reference));
  return `${[...origin(result), ...blocks, notes(result, reference)].map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

/** What the figures are of. */
function origin({ provenance }: EvaluationResult): string[][] {
  if (provenance === undefined) return [];
  const { run, checkpoint, notes: remarks, failures } = provenance;
  const epoch = checkpoint.epoch === null ? "" : `weights of epoch ${checkpoint.epoch}`;
  const state = run.state === null ? "" : `run: ${run.state}`;
  return [
    [
      ...wrapped([epoch, state].filter((each) => each !== "").join("; ")),
      ...remarks.flatMap((remark) => wrapped(`Note: ${remark}.`)),
      ...failures.flatMap(({ name, error }) => wrapped(`Not measured: ${name}: ${error}`)),
    ].filter((line) => line !== ""),
  ].filter((lines) => lines.length > 0);
}

function classTable(
  summary: ClassSummary,
  mark: string,
  tolerance: number,
  reference: PublishedPreset | undefined,
): string[] {
  const { dice, volume, casesWithout } = summary;
  const published = reference && publishedDice[reference].find(({ label }) => label === summary.label);
  const overCases = (title: string, reading: Reading, digits: number): string =>
    tableRow({ title, unit: "case" }, reading, digits);
  return [
    cutText(`${summary.name} (label ${summary.label}${mark})`, lineWidth),
    ...diceKeys.map((key) => tableRow({ ...diceRows[key], title: `Dice, ${diceRows[key].title}` }, dice[key], 3)),
    ...(published
      ? [`${titleCell("Dice, published")}${valueCell(published.dice, 2)}  reading not stated by the source`]
      : []),
    overCases("95 % Hausdorff distance, mm", summary.hausdorff95, 2),
    overCases(`Surface within ${Number(tolerance.toPrecision(4))} mm (NSD)`, summary.normalizedSurfaceDistance, 3),
    overCases("Volume of truth, ml", volume.truth, 2),
    overCases("Volume of prediction, ml", volume.prediction, 2),
    overCases("Volume error, ml", volume.error, 2),
    overCases("Volume error, absolute, ml", volume.absoluteError, 2),
    overCases("Volume error, absolute, %", volume.absoluteErrorPercent, 1),
    ...(casesWithout.inTruth === 0
      ? []
      : [`  Without the class: the truth of ${counted(casesWithout.inTruth, "case")}, both of ${casesWithout.inBoth}`]),
  ];
}

function tableRow({ title, unit }: Row, reading: Reading | CaseReading, digits: number): string {
  const n = `${String(reading.n).padStart(countWidth)} ${(reading.n === 1 ? unit : `${unit}s`).padEnd("slices".length)}`;
  const interval = "interval" in reading ? reading.interval : null;
  const ends = interval ? `  ${interval.map((end) => end.toFixed(digits)).join(" to ")}` : "";
  return `${titleCell(title)}${valueCell(reading.value, digits)}${n}${ends}`.trimEnd();
}

const titleCell = (title: string): string => `  ${title}`.padEnd(titleWidth);
const valueCell = (value: number | null, digits: number): string =>
  (value === null ? "n/a" : value.toFixed(digits)).padStart(valueWidth);

function notes(result: EvaluationResult, reference: PublishedPreset | undefined): string[] {
  const { emptyRules, cases } = result;
  return [
    `Figures of ${counted(cases.length, "case")}. The readings of Dice differ on the same labels: compare a reading only with itself.`,
    ...diceKeys.map((key) => `Dice, ${diceRows[key].title}: ${emptyRules[key]}.`),
    "Intervals: 95 % percentile bootstrap of the mean over cases.",
    "95 % Hausdorff distance: cases without the class in truth or prediction are left out. NSD: 0 for a case with the class in one of them only; cases with it in neither are left out.",
    ...surfaceNotes(result),
    "Volumes and their errors are means over cases; an error is prediction minus truth; the percentage is over cases whose truth has the class.",
    ...(reference === undefined
      ? []
      : ["Published figures do not say which reading they are of, so they can be set against none of the rows."]),
  ].flatMap(wrapped);
}

/** Lines of a paragraph, the later ones indented. */
function wrapped(paragraph: string): string[] {
  const lines = [""];
  for (const word of visibleText(paragraph).split(" ")) {
    const last = lines.at(-1) ?? "";
    if (last !== "" && textWidth(last) + 1 + textWidth(word) > lineWidth) lines.push(`  ${word}`);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}
