import { type EpochRecord, lossOfConfig, termsOf } from "@lobule/train";
import { z } from "zod";
import { fixed } from "../page/format.js";
import type { Html } from "../page/html.js";
import { type Line, lineChart } from "../page/line-chart.js";
import { grayStyle, styleOfClass } from "../page/style.js";
import { rateChart } from "./rate-chart.js";

/** Style numbers of lines that are no class: the first color, and the gray one. */
const validationStyle = 0;
const trainingStyle = grayStyle;

/** The curves of a run: losses by their names in its configuration, each reading of Dice by class, learning rate. */
export function lossCharts(metrics: readonly EpochRecord[], classes: readonly string[], config: unknown): Html[] {
  const best = metrics.findLast((record) => record.best);
  const shared = {
    epochs: metrics.map(({ epoch }) => epoch + 1),
    best: best && best.epoch + 1,
  };
  const terms = termsOf(lossOfConfig(config)?.kind ?? "dice-ce");
  const losses = [
    ["Loss", "loss", terms.loss],
    [terms.pixelLoss.name, "pixelLoss", terms.pixelLoss.quantity],
    [terms.overlapLoss.name, "overlapLoss", terms.overlapLoss.quantity],
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
    rateChart(metrics, rateSettings.parse(config)),
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

/** What the learning rate follows; a configuration without it has the defaults. */
const rateSettings = z
  .object({
    schedule: z.enum(["plateau", "constant", "cosine", "polynomial"]).catch("plateau"),
    warmupSteps: z.int().nonnegative().catch(0),
    epochs: z.int().positive().catch(1),
  })
  .catch({ schedule: "plateau", warmupSteps: 0, epochs: 1 });
