import { linearAxis } from "./axis.js";
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

/** A point with a name. */
export interface ScatterPoint {
  readonly name: string;
  /** Number of its color in the style sheet. */
  readonly style: number;
  readonly x: number;
  readonly y: number;
  /** Drawn as a vertical line through the point. */
  readonly interval: readonly [lower: number, upper: number] | null;
}

export interface ScatterChartOptions {
  readonly title: string;
  /** What is to be seen in it, in a sentence or less. */
  readonly finding: string;
  /** What the axes measure, with their units. */
  readonly across: string;
  readonly up: string;
  readonly points: readonly ScatterPoint[];
}

/** Named points as an HTML figure. The horizontal axis begins at 0; the vertical one is as wide as the points need. */
export function scatterChart({ title, finding, across, up, points }: ScatterChartOptions): Html {
  if (points.length === 0) return chartFigure(title, finding, "No run has both values.");
  const horizontal = linearAxis([0, ...points.map((point) => point.x)], 5);
  const vertical = linearAxis(
    points.flatMap(({ y, interval }) => [y, ...(interval ?? [])]),
    5,
  );
  const x = (value: number): number => place(value, horizontal, plot.left, plot.right);
  const y = (value: number): number => place(value, vertical, plot.bottom, plot.top);
  return chartFigure(
    title,
    finding,
    html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${`${title}. ${finding}`}">
<text class="axis" x="0" y="12">${up}</text>
${verticalMarks(vertical, y)}
${horizontalMarks(horizontal, x, across)}
${endLabels(points.map((point) => ({ ...point, x: x(point.x), y: y(point.y) })))}
${points.map(({ name, style, interval, ...point }) => {
  const [at, middle] = [coordinate(x(point.x)), coordinate(y(point.y))];
  const whisker =
    interval === null
      ? null
      : html`<path class="whisker s${style}" d="M${at} ${coordinate(y(interval[0]))}V${coordinate(y(interval[1]))}"/>`;
  return html`${whisker}<circle class="dot s${style}" cx="${at}" cy="${middle}" r="4.5"><title>${name}</title></circle>
`;
})}</svg>`,
  );
}
