import type { EpochRecord } from "../run/epoch-record.js";
import { lossOfConfig, termsOf } from "../trainer/loss-setting.js";
import { fixed, rate } from "./format.js";
import type { Html } from "./html.js";
import { type Line, lineChart } from "./line-chart.js";
import { grayStyle, styleOfClass } from "./style.js";

/** Style numbers of lines that are no class: the first colour, and the grey one. */
const validationStyle = 0;
const trainingStyle = grayStyle;

/** The curves of a run: losses by their names in its configuration, each reading of Dice by class, learning rate. */
export function lossCharts(metrics: readonly EpochRecord[], classes: readonly string[], config: unknown): Html[] {
  const best = metrics.findLast((record) => record.best);
  const rates = metrics.map(({ learningRate }) => learningRate);
  const shared = {
    epochs: metrics.map(({ epoch }) => epoch + 1),
    best: best && best.epoch + 1,
  };
  const terms = termsOf(lossOfConfig(config)?.kind ?? "dice-ce");
  const losses = [
    ["Loss", "loss", terms.loss],
    [terms.crossEntropy.name, "crossEntropy", terms.crossEntropy.quantity],
    [terms.diceLoss.name, "diceLoss", terms.diceLoss.quantity],
  ] as const;
  const readings = [
    ["Dice, mean over cases", "perCase"],
    ["Dice, pooled over all voxels", "pooled"],
    ["Dice, mean over slices with the class", "foregroundSliceMean"],
    ["Dice, mean over all slices", "sliceMean"],
  ] as const;
  return [
    ...losses.map(([title, key, quantity]) => {
      const lines = [
        { name: "training", style: trainingStyle, values: metrics.map(({ training }) => training[key]) },
        { name: "validation", style: validationStyle, values: metrics.map(({ validation }) => validation[key]) },
      ];
      const finding = best
        ? `Epoch ${best.epoch + 1}: training ${fixed(best.training[key], 4)}, validation ${fixed(best.validation[key], 4)}.`
        : "No best epoch yet.";
      return lineChart({ ...shared, title, quantity, finding, lines, scale: "linear" });
    }),
    ...readings.map(([title, key]) =>
      diceChart(
        { ...shared, title, quantity: "Dice on validation" },
        classes,
        best,
        metrics,
        (record) => record.validation.dice[key],
      ),
    ),
    diceChart(
      { ...shared, title: "Soft Dice in training", quantity: "soft Dice of batches" },
      classes,
      best,
      metrics,
      (record) => record.training.dice,
    ),
    lineChart({
      ...shared,
      title: "Learning rate",
      quantity: "step size",
      finding: rateFinding(rates),
      // The axis is logarithmic; a rate of 0 has no place on it.
      lines: [{ name: rate(rates.at(-1) ?? 0), style: validationStyle, values: rates.map((value) => value || null) }],
      scale: "rate",
    }),
  ];
}

function diceChart(
  shared: { title: string; quantity: string; epochs: readonly number[]; best: number | undefined },
  classes: readonly string[],
  best: EpochRecord | undefined,
  metrics: readonly EpochRecord[],
  diceOf: (record: EpochRecord) => readonly (number | null)[],
): Html {
  const lines = classes.slice(1).map(
    (name, i): Line => ({
      name,
      style: styleOfClass(i),
      values: metrics.map((record) => diceOf(record)[i + 1] ?? null),
    }),
  );
  const finding = best
    ? `Epoch ${best.epoch + 1}: ${lines.map(({ name }, i) => `${name} ${fixed(diceOf(best)[i + 1], 3)}`).join(", ")}.`
    : "No best epoch yet.";
  return lineChart({ ...shared, finding, lines, scale: "share" });
}

function rateFinding(rates: readonly number[]): string {
  const [first, last] = [rates[0] ?? 0, rates.at(-1) ?? 0];
  const reductions = rates.filter((value, i) => i > 0 && value < (rates[i - 1] ?? value)).length;
  if (rates.every((value) => value === first)) return `Constant at ${rate(first)}.`;
  return `From ${rate(first)} to ${rate(last)}${reductions === 0 ? "" : `, reduced ${reductions === 1 ? "once" : `${reductions} times`}`}.`;
}
