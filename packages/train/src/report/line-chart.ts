import type { Axis } from "./axis.js";
import { linearAxis, logAxis, wholeAxis } from "./axis.js";
import { rate } from "./format.js";
import { type Html, html } from "./html.js";

/** One line of a chart; its points stand at the chart's epochs, null leaves a gap. */
export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** Number of its colour and dashes in the style sheet. */
  readonly style: number;
}

export interface LineChartOptions {
  readonly title: string;
  /** What is to be seen in it, in a sentence or less. */
  readonly finding: string;
  /** What the vertical axis measures, with its unit. */
  readonly quantity: string;
  /** Rising whole numbers. */
  readonly epochs: readonly number[];
  readonly lines: readonly Line[];
  /** "share": 0 to 1. "rate": logarithmic, and values hold until the next. */
  readonly scale: "linear" | "share" | "rate";
  /** The epoch to mark. */
  readonly best?: number | undefined;
}

/** Size in units of the picture, which are about pixels, and the room around the plot. */
const [width, height] = [400, 250];
const plot = { left: 50, right: 302, top: 38, bottom: 214 } as const;
const labelHeight = 14;

/** A chart of lines over epochs as an HTML figure, each line named at its end. */
export function lineChart(options: LineChartOptions): Html {
  const { title, finding } = options;
  return html`<figure class="chart"><figcaption><h3>${title}</h3><p>${finding}</p></figcaption>${picture(options)}</figure>
`;
}

function picture({ title, finding, quantity, epochs, lines, scale, best }: LineChartOptions): Html {
  const present = lines.flatMap(({ values }) => values.filter((value) => value !== null && Number.isFinite(value)));
  const numbers = present.filter((value) => value !== null);
  if (numbers.length === 0) return html`<p class="empty">No value in any epoch.</p>`;
  const across = wholeAxis(epochs[0] ?? 1, epochs.at(-1) ?? 1, 6);
  const up =
    scale === "rate"
      ? logAxis(numbers, rate)
      : scale === "share"
        ? linearAxis([0, 1], 6)
        : linearAxis([0, ...numbers], 5);
  const x = (epoch: number): number => place(epoch, across, plot.left, plot.right);
  const y = (value: number): number =>
    scale === "rate"
      ? place(Math.log(value), { from: Math.log(up.from), to: Math.log(up.to) }, plot.bottom, plot.top)
      : place(value, up, plot.bottom, plot.top);
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${`${title}. ${finding}`}">
<text class="axis" x="0" y="12">${quantity}</text>
${up.ticks.map(({ value, text }) => {
  const at = coordinate(y(value));
  return html`<path class="grid" d="M${plot.left} ${at}H${plot.right}"/><text class="tick" x="${plot.left - 6}" y="${at}" dy="4" text-anchor="end">${text}</text>`;
})}
${across.ticks.map(({ value, text }) => {
  const at = coordinate(x(value));
  return html`<path class="mark" d="M${at} ${plot.bottom}v4"/><text class="tick" x="${at}" y="${plot.bottom + 17}" text-anchor="middle">${text}</text>`;
})}
<path class="frame" d="M${plot.left} ${plot.bottom}H${plot.right}"/>
<text class="axis" x="${(plot.left + plot.right) / 2}" y="${height - 4}" text-anchor="middle">epoch</text>
${best === undefined ? null : bestMark(coordinate(x(best)), best)}
${lines.map((line) => drawnLine(line, epochs, x, y, scale === "rate"))}
${endLabels(lines, epochs, x, y)}
</svg>`;
}

const place = (value: number, { from, to }: Pick<Axis, "from" | "to">, start: number, end: number): number =>
  start + ((value - from) / (to - from)) * (end - start);

const bestMark = (at: number, epoch: number): Html => {
  const [anchor, shift] = at > plot.right - 30 ? ["end", 4] : at < plot.left + 30 ? ["start", -4] : ["middle", 0];
  return html`<path class="best" d="M${at} ${plot.top - 4}V${plot.bottom}"/><text class="tick" x="${at + Number(shift)}" y="${plot.top - 8}" text-anchor="${anchor}">best: ${epoch}</text>`;
};

/** The parts of a line between its gaps; a point by itself is a dot. */
function drawnLine(
  { values, style }: Line,
  epochs: readonly number[],
  x: (epoch: number) => number,
  y: (value: number) => number,
  stepped: boolean,
): Html {
  let path = "";
  const dots: Html[] = [];
  const at = (i: number): number | null => {
    const value = values[i];
    return value == null || !Number.isFinite(value) ? null : coordinate(y(value));
  };
  epochs.forEach((epoch, i) => {
    const [here, before, after] = [at(i), at(i - 1), at(i + 1)];
    if (here === null) return;
    const across = coordinate(x(epoch));
    if (before === null) path += `M${across} ${here}`;
    else path += stepped ? `H${across}V${here}` : `L${across} ${here}`;
    if (before === null && after === null)
      dots.push(html`<circle class="dot s${style}" cx="${across}" cy="${here}" r="3.5"/>`);
  });
  return html`${path === "" ? null : html`<path class="line s${style}" d="${path}"/>`}${dots}`;
}

/** Names at the right edge, pushed apart where lines end close together. */
function endLabels(
  lines: readonly Line[],
  epochs: readonly number[],
  x: (epoch: number) => number,
  y: (value: number) => number,
): Html[] {
  const ends = lines.flatMap(({ name, values, style }) => {
    const last = values.findLastIndex((value) => value !== null && Number.isFinite(value));
    const [value, epoch] = [values[last], epochs[last]];
    return value == null || epoch === undefined ? [] : [{ name, style, x: x(epoch), y: y(value) }];
  });
  ends.sort((a, b) => a.y - b.y);
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

/** Moves rising places as little as is simple so that neighbours are `distance` apart and all lie within the limits. */
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

const coordinate = (value: number): number => Math.round(value * 10) / 10;
