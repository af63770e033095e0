import { linearAxis, wholeAxis } from "./axis.js";
import { type Html, html } from "./html.js";
import {
  chartFigure,
  coordinate,
  endLabels,
  height,
  horizontalMarks,
  place,
  plot,
  verticalMarks,
  width,
} from "./plot.js";

/** One line of a chart; its points stand at the chart's epochs, null leaves a gap. */
export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** Number of its color and dashes in the style sheet. */
  readonly style: number;
  /** One of several that a bold line sums up: drawn thin, and named only when pointed at. */
  readonly thin?: boolean;
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
  /** "share": 0 to 1. */
  readonly scale: "linear" | "share";
  /** The epoch to mark. */
  readonly best?: number | undefined;
}

/** A chart of lines over epochs as an HTML figure, each line named at its end. */
export function lineChart(options: LineChartOptions): Html {
  const { title, finding } = options;
  return chartFigure(title, finding, picture(options));
}

function picture({ title, finding, quantity, epochs, lines, scale, best }: LineChartOptions): Html | string {
  const present = lines.flatMap(({ values }) => values.filter((value) => value !== null && Number.isFinite(value)));
  const numbers = present.filter((value) => value !== null);
  if (numbers.length === 0) return "No value in any epoch.";
  const across = wholeAxis(epochs[0] ?? 1, epochs.at(-1) ?? 1, 6);
  const up = scale === "share" ? linearAxis([0, 1], 6) : linearAxis([0, ...numbers], 5);
  const x = (epoch: number): number => place(epoch, across, plot.left, plot.right);
  const y = (value: number): number => place(value, up, plot.bottom, plot.top);
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${`${title}. ${finding}`}">
<text class="axis" x="0" y="12">${quantity}</text>
${verticalMarks(up, y)}
${horizontalMarks(across, x, "epoch")}
${best === undefined ? null : bestMark(coordinate(x(best)), best)}
${lines.map((line) => drawnLine(line, epochs, x, y))}
${namesAtEnds(lines, epochs, x, y)}
</svg>`;
}

const bestMark = (at: number, epoch: number): Html => {
  const [anchor, shift] = at > plot.right - 30 ? ["end", 4] : at < plot.left + 30 ? ["start", -4] : ["middle", 0];
  return html`<path class="best" d="M${at} ${plot.top - 4}V${plot.bottom}"/><text class="tick" x="${at + Number(shift)}" y="${plot.top - 8}" text-anchor="${anchor}">best: ${epoch}</text>`;
};

/** The parts of a line between its gaps; a point by itself is a dot. */
function drawnLine(
  { name, values, style, thin = false }: Line,
  epochs: readonly number[],
  x: (epoch: number) => number,
  y: (value: number) => number,
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
    else path += `L${across} ${here}`;
    if (before === null && after === null)
      dots.push(html`<circle class="dot s${style}" cx="${across}" cy="${here}" r="${thin ? 2 : 3.5}"/>`);
  });
  if (path === "") return html``;
  return html`<g><title>${name}</title><path class="${thin ? "thin" : "line"} s${style}" d="${path}"/>${dots}</g>`;
}

/** Each line's name, at its last value. */
function namesAtEnds(
  lines: readonly Line[],
  epochs: readonly number[],
  x: (epoch: number) => number,
  y: (value: number) => number,
): Html[] {
  const ends = lines.flatMap(({ name, values, style, thin }) => {
    if (thin === true) return [];
    const last = values.findLastIndex((value) => value !== null && Number.isFinite(value));
    const [value, epoch] = [values[last], epochs[last]];
    return value == null || epoch === undefined ? [] : [{ name, style, x: x(epoch), y: y(value) }];
  });
  return endLabels(ends);
}
