import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Scrolled } from "../parts/scrolled.js";
import { extentOf, type Point, pathOf, thinned, ticksOf, tickText } from "./chart-scale.js";

/** A curve of a chart. */
export interface Line {
  readonly name: string;
  /** Number of its color and dashes; "quiet" for one that stands behind the others. */
  readonly style: number | "quiet";
  readonly points: readonly Point[];
}

const height = 220;
const margin = { left: 56, right: 12, top: 10, bottom: 26 };

/** Curves over the steps of a run, drawn as wide as the page has it, with a table of the same numbers. */
export function LineChart({
  title,
  lines,
  digits,
  range,
}: {
  title: string;
  lines: readonly Line[];
  /** Of the numbers in the table. */
  digits: number;
  /** Values that are always within the picture. */
  range?: readonly [number, number];
}) {
  const [figure, width] = useWidth();
  const tabled = useSignal(false);
  const at = useSignal<number | undefined>(undefined);
  const drawn = lines.filter(({ points }) => points.some(({ y }) => y !== null));
  const last = drawn.flatMap(({ name, points }) => {
    const value = nearest(points, at.value ?? Number.POSITIVE_INFINITY);
    return value === undefined ? [] : [{ name, ...value }];
  });
  return (
    <figure class="card chart" ref={figure}>
      <figcaption>
        <h3>{title}</h3>
        <ul class="legend">
          {lines.map(({ name, style }) => (
            <li key={name}>
              <svg width="22" height="10" aria-hidden="true">
                <path class={`line line-${style}`} d="M1 5H21" />
              </svg>
              {name}
              <span class="number">{textOf(last.find((each) => each.name === name)?.y, digits)}</span>
            </li>
          ))}
        </ul>
      </figcaption>
      {drawn.length === 0 ? (
        <p class="quiet-text chart-empty">No value yet.</p>
      ) : (
        <Plot title={title} lines={drawn} width={width} at={at} digits={digits} {...(range ? { range } : {})} />
      )}
      <details onToggle={({ currentTarget }) => (tabled.value = currentTarget.open)}>
        <summary>Numbers</summary>
        {tabled.value && <NumberTable title={title} lines={drawn} digits={digits} />}
      </details>
    </figure>
  );
}

function Plot({
  title,
  lines,
  width,
  at,
  digits,
  range,
}: {
  title: string;
  lines: readonly Line[];
  width: number;
  at: { value: number | undefined };
  digits: number;
  range?: readonly [number, number];
}) {
  const { lastStep, wide, tall, x, y, stepAt, xTicks, yTicks } = axesOf(lines, width, range);
  const summary = lines
    .map(({ name, points }) => `${name} ${textOf(nearest(points, Number.POSITIVE_INFINITY)?.y, digits)}`)
    .join(", ");
  return (
    <svg
      role="img"
      aria-label={`${title} by step, to step ${lastStep}: ${summary}`}
      width={width}
      height={height}
      onPointerMove={(event) => {
        at.value = stepAt(event.offsetX);
      }}
      onPointerLeave={() => {
        at.value = undefined;
      }}
    >
      {yTicks.map((tick) => (
        <g key={tick}>
          <path class="grid" d={`M${margin.left} ${y(tick)}H${margin.left + wide}`} />
          <text class="tick" x={margin.left - 8} y={y(tick) + 4} text-anchor="end">
            {tickText(tick)}
          </text>
        </g>
      ))}
      {xTicks.map((tick) => (
        <text key={tick} class="tick" x={x(tick)} y={height - 8} text-anchor="middle">
          {tickText(tick)}
        </text>
      ))}
      {lines.map(({ name, style, points }) => (
        <g key={name}>
          <path class={`line line-${style}`} d={pathOf(thinned(points, Math.ceil(wide)), x, y)} />
          {points.length <= 40 &&
            points.map((point) =>
              point.y === null ? null : (
                <circle key={point.x} class={`dot line-${style}`} cx={x(point.x)} cy={y(point.y)} r="2.5" />
              ),
            )}
        </g>
      ))}
      {at.value !== undefined && <path class="cursor" d={`M${x(at.value)} ${margin.top}V${margin.top + tall}`} />}
    </svg>
  );
}

/** Where steps and values are in a picture of that width, in pixels, and the ticks of both axes. */
function axesOf(lines: readonly Line[], width: number, range: readonly [number, number] | undefined) {
  const xs = extentOf(lines.flatMap(({ points }) => points.map(({ x }) => x))) ?? [0, 1];
  const ys = extentOf([...(range ?? []), ...lines.flatMap(({ points }) => points.map(({ y }) => y))]) ?? [0, 1];
  const yTicks = ticksOf(ys, 4);
  const [low, high] = [Math.min(...yTicks), Math.max(...yTicks)];
  const [first, end] = xs[0] === xs[1] ? [xs[0] - 1, xs[1] + 1] : xs;
  const [wide, tall] = [Math.max(1, width - margin.left - margin.right), height - margin.top - margin.bottom];
  return {
    lastStep: xs[1],
    wide,
    tall,
    x: (step: number): number => margin.left + ((step - first) / (end - first)) * wide,
    y: (value: number): number => margin.top + ((high - value) / (high - low)) * tall,
    /** The step at a distance from the left edge. */
    stepAt: (left: number): number => first + ((left - margin.left) / wide) * (end - first),
    xTicks: ticksOf(xs, Math.max(2, Math.floor(wide / 110))).filter(
      (tick) => Number.isInteger(tick) && tick >= first && tick <= end,
    ),
    yTicks,
  };
}

/** The numbers of a chart, newest first. Each line has a column. */
function NumberTable({ title, lines, digits }: { title: string; lines: readonly Line[]; digits: number }) {
  const byLine = lines.map(({ points }) => new Map(points.map(({ x, y }) => [x, y])));
  const steps = [...new Set(byLine.flatMap((points) => [...points.keys()]))].toSorted((a, b) => b - a);
  return (
    <Scrolled class="number-table" label={`${title}: numbers`}>
      <table>
        <caption class="small quiet-text">{title} by step, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Step</th>
            {lines.map(({ name }) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {steps.map((step) => (
            <tr key={step}>
              <th scope="row">{step}</th>
              {byLine.map((points, i) => (
                <td key={lines[i]?.name} class="number">
                  {textOf(points.get(step), digits)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolled>
  );
}

/** The last point with a value up to x. */
function nearest(points: readonly Point[], x: number): Point | undefined {
  return points.findLast((point) => point.y !== null && point.x <= x) ?? points.find(({ y }) => y !== null);
}

const textOf = (value: number | null | undefined, digits: number): string =>
  value === null || value === undefined
    ? ""
    : Math.abs(value) < 1e-2 && value !== 0
      ? value.toExponential(digits - 1)
      : value.toFixed(digits);

/** The width that an element has, also once it changes. */
function useWidth() {
  const element = useRef<HTMLElement>(null);
  const width = useSignal(600);
  useEffect(() => {
    const { current } = element;
    if (current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) width.value = Math.floor(entry.contentRect.width);
    });
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  return [element, width.value] as const;
}
