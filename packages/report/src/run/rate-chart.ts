import { learningRateFactor, type ScheduleKind } from "@lobule/optim";
import type { EpochRecord } from "@lobule/train";
import { linearAxis, logAxis, wholeAxis } from "../page/axis.js";
import { counted, rate } from "../page/format.js";
import { type Html, html } from "../page/html.js";
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
} from "../page/plot.js";

/** How a run's learning rate is set. */
export interface RateSettings {
  readonly schedule: ScheduleKind;
  readonly warmupSteps: number;
  readonly epochs: number;
}

/** The rate from a time on, in epochs since the start. */
interface RatePoint {
  readonly time: number;
  readonly rate: number;
}

/** The most points that an epoch is drawn with. */
const mostPoints = 40;

/**
 * The learning rate as it was: of a plateau or constant schedule a step function on a logarithmic axis, of the others
 * and during a warm-up the curve by training steps.
 */
export function rateChart(metrics: readonly EpochRecord[], settings: RateSettings): Html {
  const points = metrics.flatMap((record, i) => pointsOf(record, metrics[i - 1], settings));
  const title = "Learning rate";
  const finding = findingOf(metrics, settings);
  if (points.length === 0) return chartFigure(title, finding, "No value in any epoch.");
  const stepped = settings.schedule === "plateau" || settings.schedule === "constant";
  const rates = points.map((point) => point.rate);
  const logarithmic = stepped && rates.every((value) => value > 0);
  const last = (metrics.at(-1)?.epoch ?? 0) + 1;
  const across = wholeAxis(metrics[0]?.epoch ?? 0, last, 6);
  const up = logarithmic ? logAxis(distinctOf(metrics, rates), rate) : rateAxis(rates);
  const x = (time: number): number => coordinate(place(time, across, plot.left, plot.right));
  const y = (value: number): number =>
    coordinate(
      logarithmic
        ? place(Math.log(value), { from: Math.log(up.from), to: Math.log(up.to) }, plot.bottom, plot.top)
        : place(value, up, plot.bottom, plot.top),
    );
  const path = points.map(({ time, rate: value }, i) => `${i === 0 ? "M" : "L"}${x(time)} ${y(value)}`).join("");
  const end = rates.at(-1) ?? 0;
  return chartFigure(
    title,
    finding,
    html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${`${title}. ${finding}`}">
<text class="axis" x="0" y="12">step size${logarithmic ? ", logarithmic" : ""}</text>
${verticalMarks(up, y)}
${horizontalMarks(across, x, "epochs done")}
<path class="line s0" d="${path}"/>
${endLabels([{ name: rate(end), style: 0, x: x(last), y: y(end) }])}
</svg>`,
  );
}

/** Marks of a logarithmic axis: the rates of the epochs; where a warm-up passes many values, its lowest too. */
const distinctOf = (metrics: readonly EpochRecord[], rates: readonly number[]): number[] => [
  ...metrics.map(({ learningRate }) => learningRate),
  Math.min(...rates),
];

const rateAxis = (rates: readonly number[]) => {
  const axis = linearAxis([0, ...rates], 5);
  return { ...axis, ticks: axis.ticks.map(({ value }) => ({ value, text: rate(value) })) };
};

/**
 * The rate within an epoch, from its first step to its last. An epoch's record has the rate of its last step; the others
 * follow from the schedule's factors.
 */
function pointsOf(record: EpochRecord, before: EpochRecord | undefined, settings: RateSettings): RatePoint[] {
  const { epoch, step: lastStep, learningRate } = record;
  const firstStep = before !== undefined && before.epoch === epoch - 1 ? before.step : epoch === 0 ? 0 : lastStep - 1;
  const steps = Math.max(1, lastStep - firstStep);
  const factor = (step: number): number =>
    learningRateFactor({ ...settings, totalSteps: Math.round((settings.epochs * lastStep) / (epoch + 1)) }, step);
  const atLast = factor(lastStep - 1);
  const rateAt = (step: number): number => (atLast > 0 ? (learningRate * factor(step)) / atLast : learningRate);
  const count = Math.min(steps, mostPoints);
  const drawn = Array.from({ length: count }, (_, i): RatePoint => {
    const step = count === 1 ? steps - 1 : Math.round((i * (steps - 1)) / (count - 1));
    return { time: epoch + step / steps, rate: rateAt(firstStep + step) };
  });
  const flat = drawn.every((point) => point.rate === learningRate);
  // A rate holds until the next step, so the last one reaches to the epoch's end.
  return [...(flat ? [{ time: epoch, rate: learningRate }] : drawn), { time: epoch + 1, rate: learningRate }];
}

function findingOf(metrics: readonly EpochRecord[], { schedule, warmupSteps }: RateSettings): string {
  const rates = metrics.map(({ learningRate }) => learningRate);
  const [first, last] = [rates[0] ?? 0, rates.at(-1) ?? 0];
  const warmup = warmupSteps > 0 ? ` Warm-up over the first ${counted(warmupSteps, "step")}.` : "";
  if (schedule === "cosine" || schedule === "polynomial") {
    return `${schedule === "cosine" ? "Cosine" : "Polynomial"} schedule, at ${rate(last)} after epoch ${(metrics.at(-1)?.epoch ?? 0) + 1}.${warmup}`;
  }
  if (rates.every((value) => value === first)) return `Constant at ${rate(first)}.${warmup}`;
  const reductions = rates.filter((value, i) => i > 0 && value < (rates[i - 1] ?? value)).length;
  const times = reductions === 0 ? "" : `, reduced ${reductions === 1 ? "once" : `${reductions} times`}`;
  return `From ${rate(first)} to ${rate(last)}${times}.${warmup}`;
}
