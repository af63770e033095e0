import type { Axis } from "./axis.js";
import { type Html, html } from "./html.js";

/** Size of a chart in units of the picture, which are about pixels, and the room around the plot. */
export const [width, height] = [400, 250];
export const plot = { left: 50, right: 302, top: 38, bottom: 214 } as const;
const labelHeight = 14;

/**
 * A chart with its title and what is to be seen in it.
 * @param picture enlarged by a click; or what is said where there is nothing to draw.
 */
export const chartFigure = (title: string, finding: string, picture: Html | string): Html =>
  html`<figure class="chart"><figcaption><h3>${title}</h3><p>${finding}</p></figcaption>${
    typeof picture === "string"
      ? html`<p class="empty">${picture}</p>`
      : html`<label class="zoom"><input type="checkbox" aria-label="Enlarge ${title}">${picture}</label>`
  }</figure>
`;

/** Where a value of an axis lies between two ends of the picture. */
export const place = (value: number, { from, to }: Pick<Axis, "from" | "to">, start: number, end: number): number =>
  start + ((value - from) / (to - from)) * (end - start);

/** A place as it is written: tenths of a unit. */
export const coordinate = (value: number): number => Math.round(value * 10) / 10;

/** Lines across the plot with their numbers at the left. */
export const verticalMarks = ({ ticks }: Axis, y: (value: number) => number): Html[] =>
  ticks.map(({ value, text }) => {
    const at = coordinate(y(value));
    return html`<path class="grid" d="M${plot.left} ${at}H${plot.right}"/><text class="tick" x="${plot.left - 6}" y="${at}" dy="4" text-anchor="end">${text}</text>
`;
  });

/** The lower edge of the plot with marks, their numbers and what they measure. */
export const horizontalMarks = ({ ticks }: Axis, x: (value: number) => number, quantity: string): Html =>
  html`${ticks.map(({ value, text }) => {
    const at = coordinate(x(value));
    return html`<path class="mark" d="M${at} ${plot.bottom}v4"/><text class="tick" x="${at}" y="${plot.bottom + 17}" text-anchor="middle">${text}</text>
`;
  })}<path class="frame" d="M${plot.left} ${plot.bottom}H${plot.right}"/>
<text class="axis" x="${(plot.left + plot.right) / 2}" y="${height - 4}" text-anchor="middle">${quantity}</text>`;

/** Something in the plot that has a name. */
export interface NamedPoint {
  readonly name: string;
  /** Number of its color and dashes in the style sheet. */
  readonly style: number;
  /** Place in the picture. */
  readonly x: number;
  readonly y: number;
}

/** Names at the right edge with a line to what they name, pushed apart where those are close together. */
export function endLabels(points: readonly NamedPoint[]): Html[] {
  const ends = [...points].sort((a, b) => a.y - b.y);
  const places = spread(
    ends.map((end) => end.y),
    labelHeight,
    plot.top,
    plot.bottom,
  );
  return ends.map((end, i) => {
    const at = coordinate(places[i] ?? end.y);
    const from = coordinate(end.x);
    return html`<path class="lead s${end.style}" d="M${from} ${coordinate(end.y)}L${plot.right + 8} ${at}h6"/><text class="label" x="${plot.right + 17}" y="${at}" dy="4">${shortened(end.name, 13)}</text>`;
  });
}

/** Moves rising places as little as is simple so that neighbors are `distance` apart and all lie within the limits. */
export function spread(places: readonly number[], distance: number, from: number, to: number): number[] {
  const result = [...places];
  const apart = Math.min(distance, (to - from) / Math.max(1, places.length - 1));
  for (let i = 0; i < result.length; i++) {
    result[i] = Math.max(result[i] ?? from, i === 0 ? from : (result[i - 1] ?? from) + apart);
  }
  for (let i = result.length - 1; i >= 0; i--) {
    result[i] = Math.min(result[i] ?? to, i === result.length - 1 ? to : (result[i + 1] ?? to) - apart);
  }
  return result;
}

const shortened = (text: string, most: number): string =>
  [...text].length > most ? `${[...text].slice(0, most - 1).join("")}…` : text;
