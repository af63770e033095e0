import { linearAxis } from "./axis.js";
import { type Html, html } from "./html.js";
import { chartFigure, coordinate, endLabels, height, place, plot, verticalMarks, width } from "./plot.js";

/** A case before and after. */
export interface SlopePair {
  readonly name: string;
  readonly before: number;
  readonly after: number;
}

export interface SlopeChartOptions {
  readonly title: string;
  /** What is to be seen in it, in a sentence or less. */
  readonly finding: string;
  /** What the vertical axis measures, with its unit. */
  readonly quantity: string;
  /** What stands at the left and at the right edge. */
  readonly before: string;
  readonly after: string;
  readonly pairs: readonly SlopePair[];
  readonly better: "higher" | "lower";
}

/** Style numbers of lines that get better, get worse, and stay. */
const [betterStyle, worseStyle, sameStyle] = [0, 1, 5];

/**
 * A line for each pair from its left to its right value, as an HTML figure. The pairs with the largest and the smallest
 * change are named.
 */
export function slopeChart({ title, finding, quantity, before, after, pairs, better }: SlopeChartOptions): Html {
  if (pairs.length === 0) return chartFigure(title, finding, "No case has both values.");
  const axis = linearAxis(
    pairs.flatMap((pair) => [pair.before, pair.after]),
    5,
  );
  const y = (value: number): number => place(value, axis, plot.bottom, plot.top);
  const [left, right] = [plot.left + 14, plot.right - 14];
  const change = (pair: SlopePair): number => pair.after - pair.before;
  const styleOf = (pair: SlopePair): number => {
    const gain = better === "higher" ? change(pair) : -change(pair);
    return gain === 0 ? sameStyle : gain > 0 ? betterStyle : worseStyle;
  };
  const rising = pairs.toSorted((a, b) => change(a) - change(b));
  const named = new Set(
    [rising[0], rising.at(-1)].flatMap((pair) => (pair !== undefined && change(pair) !== 0 ? [pair] : [])),
  );
  return chartFigure(
    title,
    finding,
    html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${`${title}. ${finding}`}">
<text class="axis" x="0" y="12">${quantity}</text>
${verticalMarks(axis, y)}
<path class="frame" d="M${left} ${plot.top}V${plot.bottom}M${right} ${plot.top}V${plot.bottom}"/>
<text class="axis" x="${left}" y="${plot.bottom + 17}" text-anchor="middle">${before}</text>
<text class="axis" x="${right}" y="${plot.bottom + 17}" text-anchor="middle">${after}</text>
${endLabels([...named].map((pair) => ({ name: pair.name, style: styleOf(pair), x: right, y: y(pair.after) })))}
${pairs.map((pair) => {
  const [from, to] = [coordinate(y(pair.before)), coordinate(y(pair.after))];
  return html`<g><title>${pair.name}</title><path class="case s${styleOf(pair)}" d="M${left} ${from}L${right} ${to}"/><circle class="dot s${styleOf(pair)}" cx="${left}" cy="${from}" r="2.2"/><circle class="dot s${styleOf(pair)}" cx="${right}" cy="${to}" r="2.2"/></g>
`;
})}</svg>`,
  );
}
