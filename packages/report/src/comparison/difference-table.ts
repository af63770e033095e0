import { type Axis, linearAxis } from "../page/axis.js";
import { fixed } from "../page/format.js";
import { type Html, html } from "../page/html.js";
import { coordinate, place } from "../page/plot.js";
import type { ClassComparison, Comparison, Difference, RunReading } from "./compare-runs.js";
import { readings } from "./readings.js";
import { ends, outcomes, probability, signed, titled } from "./texts.js";

/** Each run beside the baseline, class by class, with a picture of its interval. */
export function differenceTable({ reading, paired, runs, classes }: Comparison): Html {
  const { digits, better, title } = readings[reading];
  const names = new Map(runs.map((run) => [run.key, titled(run)]));
  const columns = paired ? 9 : 6;
  return html`<div class="scrolled"><table class="stacked">
<thead><tr><th scope="col">Run</th><th scope="col" class="number">${title}</th><th scope="col" class="number">n</th><th scope="col" class="number">Difference</th><th scope="col" class="number">95 % interval</th>${
    paired
      ? html`<th scope="col" class="number">+/−/=</th><th scope="col" class="number">p sign</th><th scope="col" class="number">p Wilcoxon</th>`
      : null
  }<th scope="col" class="plot" aria-hidden="true"></th></tr></thead>
${classes.map((each) => {
  const axis = axisOf(each);
  const row = ({ key, mean, n, difference }: RunReading): Html =>
    html`<tr><th scope="row">${names.get(key)}</th><td class="number value whole" data-label="${title}">${fixed(mean, digits)}</td><td class="number" data-label="n">${n}</td>${
      difference === null
        ? html`<td class="number" data-label="Difference">baseline</td><td colspan="${columns - 5}"></td><td class="plot" aria-hidden="true">${marks(axis)}</td>`
        : html`<td class="number value" data-label="Difference">${signed(difference.mean, digits)}</td><td class="number whole" data-label="95 % interval">${ends(difference.interval, (value) => signed(value, digits))}</td>${
            paired
              ? html`<td class="number whole" data-label="+/−/=">${outcomes(difference, better)}</td><td class="number" data-label="p sign">${probability(difference.tests?.sign.holm)}</td><td class="number" data-label="p Wilcoxon">${probability(difference.tests?.wilcoxon.holm)}</td>`
              : null
          }<td class="plot" aria-hidden="true">${bar(difference, axis)}</td>`
    }</tr>
`;
  return html`<tbody>
<tr class="class"><th scope="rowgroup" colspan="${columns}">${each.name}</th></tr>
${each.runs.map(row)}</tbody>
`;
})}</table></div>
`;
}

/** Width of the pictures in the table; the ends of the axis lie `inset` from the edges. */
const [wide, high, inset] = [260, 20, 22];

/** One scale for all differences of a class, with 0 on it. */
const axisOf = ({ runs }: ClassComparison): Axis =>
  linearAxis([0, ...runs.flatMap(({ difference }) => [difference?.mean ?? 0, ...(difference?.interval ?? [])])], 4);

const at = (value: number, axis: Axis): number => coordinate(place(value, axis, inset, wide - inset));

const marks = (axis: Axis): Html =>
  html`<svg viewBox="0 0 ${wide} ${high}">${axis.ticks.map(
    ({ value, text }) => html`<text class="tick" x="${at(value, axis)}" y="14" text-anchor="middle">${text}</text>`,
  )}</svg>`;

const bar = ({ mean, interval }: Difference, axis: Axis): Html =>
  html`<svg viewBox="0 0 ${wide} ${high}"><path class="grid" d="${axis.ticks.map(({ value }) => `M${at(value, axis)} 0V${high}`).join("")}"/><path class="zero" d="M${at(0, axis)} 0V${high}"/>${
    interval === null
      ? null
      : html`<path class="interval" d="M${at(interval[0], axis)} 10H${at(interval[1], axis)}M${at(interval[0], axis)} 5v10M${at(interval[1], axis)} 5v10"/>`
  }${mean === null ? null : html`<circle class="point" cx="${at(mean, axis)}" cy="10" r="3.5"/>`}</svg>`;
