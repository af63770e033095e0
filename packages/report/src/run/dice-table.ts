import { counted, fixed, missing } from "../page/format.js";
import { type Html, html } from "../page/html.js";

/** Dice of one class in one reading. */
export interface ReportReading {
  /** What the value is a mean over: "mean over cases". */
  readonly label: string;
  readonly value: number | null;
  readonly n: number;
  /** What n counts, in the singular. */
  readonly unit: string;
  /** 95 % interval. */
  readonly interval?: readonly [lower: number, upper: number] | null;
  /** What becomes of slices or cases without the class. */
  readonly rule?: string;
}

/** Another measure of one class, such as a distance or a volume. */
export interface ReportMeasure {
  /** With its unit. */
  readonly label: string;
  readonly value: number | null;
  readonly n: number;
  /** Digits after the point. */
  readonly digits: number;
}

/** The figures of one class in a report. */
export interface ReportClass {
  readonly name: string;
  readonly readings: readonly ReportReading[];
  /** A figure from the literature, and what is known of it. It is set beside no reading. */
  readonly published?: { readonly value: number; readonly note: string };
  readonly measures?: readonly ReportMeasure[];
}

/** Results on validation cases, class by class, without the background. */
export interface ReportEvaluation {
  /** How many were measured. */
  readonly cases: number;
  readonly classes: readonly ReportClass[];
  /** How distances were measured, a sentence each. */
  readonly notes?: readonly string[];
}

/** The readings of Dice of each class with intervals and counts, and a picture of each on a scale from 0 to 1. */
export function diceTable({ classes }: ReportEvaluation): Html {
  const rules = new Map(classes.flatMap(({ readings }) => readings.map(({ label, rule }) => [label, rule] as const)));
  return html`<table class="dice">
<thead><tr><th scope="col">Reading</th><th scope="col" class="number">Dice</th><th scope="col" class="number">95 % interval</th><th scope="col" class="number">n</th><th scope="col" class="plot" aria-hidden="true">${scale()}</th></tr></thead>
${classes.map(
  ({ name, readings, published }) => html`<tbody>
<tr class="class"><th scope="rowgroup" colspan="5">${name}</th></tr>
${readings.map(
  ({
    label,
    value,
    n,
    unit,
    interval,
  }) => html`<tr><th scope="row">${label}</th><td class="number value">${fixed(value, 3)}</td><td class="number">${interval == null ? html`<span class="wide">${missing}</span>` : `${fixed(interval[0], 3)} to ${fixed(interval[1], 3)}`}</td><td class="number">${counted(n, unit)}</td><td class="plot" aria-hidden="true">${value === null ? null : bar(value, interval ?? undefined)}</td></tr>
`,
)}${
  published === undefined
    ? null
    : html`<tr class="published"><th scope="row">published</th><td class="number value">${fixed(published.value, 2)}</td><td colspan="2">${published.note}</td><td class="plot" aria-hidden="true">${diamond(published.value)}</td></tr>
`
}</tbody>
`,
)}</table>
<p class="note">The readings differ widely on the same labels; compare a reading only with itself. Whiskers: 95 % intervals.${[
    ...rules,
  ].flatMap(([label, rule]) => (rule === undefined ? [] : [` ${capital(label)}: ${rule}.`]))}</p>
`;
}

/** Distances and volumes, a column a class; nothing where there are none. */
export function measuresTable({ classes, notes = [] }: ReportEvaluation): Html | null {
  const labels = [...new Set(classes.flatMap(({ measures = [] }) => measures.map(({ label }) => label)))];
  if (labels.length === 0) return null;
  return html`<table class="measures">
<thead><tr><th scope="col">Mean over cases</th>${classes.map(({ name }) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
<tbody>${labels.map(
    (label) => html`<tr><th scope="row">${label}</th>${classes.map(({ measures = [] }) => {
      const measure = measures.find((each) => each.label === label);
      return measure === undefined
        ? html`<td class="number">${missing}</td>`
        : html`<td class="number"><span class="value">${fixed(measure.value, measure.digits)}</span> <small>n ${measure.n}</small></td>`;
    })}</tr>
`,
  )}</tbody></table>
${
  notes.length === 0
    ? null
    : html`<p class="note">${notes.join(" ")}</p>
`
}`;
}

/** Width of the pictures in the table; 0 and 1 lie `inset` from the edges. */
const [wide, high, inset] = [260, 20, 10];
const at = (value: number): number =>
  Math.round(10 * (inset + Math.min(1, Math.max(0, value)) * (wide - 2 * inset))) / 10;
const rulers = html`<path class="grid" d="${[0, 0.25, 0.5, 0.75, 1].map((value) => `M${at(value)} 0V${high}`).join("")}"/>`;

const scale = (): Html =>
  html`<svg viewBox="0 0 ${wide} 16">${[0, 0.5, 1].map(
    (value) => html`<text class="tick" x="${at(value)}" y="12" text-anchor="middle">${value}</text>`,
  )}</svg>`;

const bar = (value: number, interval: readonly [number, number] | undefined): Html =>
  html`<svg viewBox="0 0 ${wide} ${high}">${rulers}${
    interval === undefined
      ? null
      : html`<path class="interval" d="M${at(interval[0])} 10H${at(interval[1])}M${at(interval[0])} 5v10M${at(interval[1])} 5v10"/>`
  }<circle class="point" cx="${at(value)}" cy="10" r="3.5"/></svg>`;

const diamond = (value: number): Html =>
  html`<svg viewBox="0 0 ${wide} ${high}">${rulers}<path class="diamond" d="M${at(value)} 4l6 6l-6 6l-6 -6z"/></svg>`;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
