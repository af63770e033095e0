import { diceScores, meanDiceByClass } from "@lobule/metrics";
import { ReduceLROnPlateau } from "@lobule/optim";
import { type Check, check, largestDifference } from "./check.js";
import { FixtureError, type FixtureObject, listOf, numberOf, numbersOf, objectOf, textOf } from "./fixture-files.js";

/** Rounding of float64 arithmetic in another order. */
const limit = 1e-12;

/** A list whose nulls stand for NaN. */
const withNulls = (value: unknown, where: string): number[] =>
  listOf(value, where).map((each, i) => (each === null ? Number.NaN : numberOf(each, `${where}[${i}]`)));

function oneOf<const T extends string>(value: unknown, allowed: readonly T[], where: string): T {
  const found = allowed.find((each) => each === value);
  if (found === undefined)
    throw new FixtureError(`${where}: expected ${allowed.join(" or ")}, got ${JSON.stringify(value)}`);
  return found;
}

/** Difference of lists in which a NaN must meet a NaN. */
const differenceWithNulls = (got: readonly (number | null)[], expected: readonly number[]): number => {
  const known = (value: number | null | undefined): boolean => value !== null && !Number.isNaN(value);
  if (got.length !== expected.length || got.some((value, i) => known(value) !== known(expected[i]))) return Number.NaN;
  return largestDifference(
    got.map((value) => (known(value) ? value : 0) as number),
    expected.map((value) => (known(value) ? value : 0)),
  );
};

/** Runs every sequence of `schedulers.json`: the rate after each epoch, the best value, the count of bad epochs. */
export function checkSchedulers(file: FixtureObject): Check[] {
  const where = "schedulers.json";
  oneOf(file.scheduler, ["ReduceLROnPlateau"], `${where}: scheduler`);
  const option = (name: string): number => numberOf(file[name], `${where}: ${name}`);
  return Object.entries(objectOf(file.sequences, `${where}: sequences`)).flatMap(([name, value]) => {
    const fixture = `schedulers/${name}`;
    const sequence = objectOf(value, `${where}: ${name}`);
    const scheduler = new ReduceLROnPlateau({
      learningRate: numberOf(sequence.initial_lr, `${where}: ${name}.initial_lr`),
      mode: oneOf(file.mode, ["min", "max"], `${where}: mode`),
      thresholdMode: oneOf(file.threshold_mode, ["rel", "abs"], `${where}: threshold_mode`),
      factor: option("factor"),
      patience: option("patience"),
      threshold: option("threshold"),
      cooldown: option("cooldown"),
      minimum: option("min_lr"),
      epsilon: option("eps"),
    });
    const epochs = withNulls(sequence.val_loss, `${where}: ${name}.val_loss`).map((loss) => ({
      rate: scheduler.step(loss),
      best: scheduler.best,
      badEpochs: scheduler.badEpochs,
    }));
    const rates = numbersOf(sequence.lr, `${where}: ${name}.lr`);
    const best = withNulls(sequence.best, `${where}: ${name}.best`);
    const worst = (errors: readonly number[]): number => Math.max(0, ...errors);
    const sameLength = rates.length === epochs.length;
    const relative = epochs.map(({ rate }, i) => Math.abs(rate - (rates[i] as number)) / Math.abs(rates[i] as number));
    return [
      check(fixture, "lr", sameLength ? worst(relative) : Number.NaN, limit),
      check(
        fixture,
        "best",
        differenceWithNulls(
          epochs.map((epoch) => (Number.isFinite(epoch.best) ? epoch.best : null)),
          best,
        ),
        0,
      ),
      check(
        fixture,
        "num_bad_epochs",
        largestDifference(
          epochs.map((epoch) => epoch.badEpochs),
          numbersOf(sequence.num_bad_epochs, `${where}: ${name}.num_bad_epochs`),
        ),
        0,
      ),
    ];
  });
}

/** Scores every pair of `metrics.json` under both conventions, then the means over the three-class cases. */
export function checkMetrics(file: FixtureObject): Check[] {
  const where = "metrics.json";
  const threeClasses: ReturnType<typeof diceScores>[] = [];
  const checks = listOf(file.cases, `${where}: cases`).flatMap((value, i) => {
    const each = objectOf(value, `${where}: cases[${i}]`);
    const at = (key: string): string => `${where}: cases[${i}].${key}`;
    const fixture = `metrics/${textOf(each.name, at("name"))}`;
    const classes = numberOf(each.classes, at("classes"));
    const rows = (key: string): readonly (readonly number[])[] =>
      listOf(each[key], at(key)).map((row) => numbersOf(row, at(key)));
    const [prediction, target] = [rows("pred"), rows("target")];
    const scores = diceScores(prediction.flat(), target.flat(), classes);
    if (classes === 3) threeClasses.push(scores);
    const shapes = [prediction, target].flatMap((image) => [image.length, ...new Set(image.map((row) => row.length))]);
    const [height, width] = numbersOf(each.shape, at("shape")) as [number, number];
    const counts = (tensor: string, got: readonly number[]): Check =>
      check(fixture, tensor, largestDifference(got, numbersOf(each[tensor], at(tensor))), 0);
    const close = (tensor: string, got: readonly (number | null)[], expected: unknown): Check =>
      check(fixture, tensor, differenceWithNulls(got, withNulls(expected, at(tensor))), limit);
    return [
      check(fixture, "shape", largestDifference(shapes, [height, width, height, width]), 0),
      counts("I", scores.intersection),
      counts("P", scores.predicted),
      counts("T", scores.target),
      close("dice", scores.dice, each.dice),
      close("dice_ignore_empty", scores.diceIgnoreEmpty, each.dice_ignore_empty),
      close("mean_all", [scores.meanAll], [each.mean_all]),
      close("mean_foreground", [scores.meanForeground], [each.mean_foreground]),
      close("mean_all_ignore_empty", [scores.meanAllIgnoreEmpty], [each.mean_all_ignore_empty]),
      close("mean_foreground_ignore_empty", [scores.meanForegroundIgnoreEmpty], [each.mean_foreground_ignore_empty]),
    ];
  });
  const aggregate = objectOf(file.aggregate, `${where}: aggregate`);
  const means = meanDiceByClass(threeClasses);
  const compare = (tensor: string, got: readonly (number | null)[]): Check =>
    check(
      "metrics/aggregate",
      tensor,
      differenceWithNulls(got, withNulls(aggregate[tensor], `${where}: ${tensor}`)),
      limit,
    );
  return [...checks, compare("per_class", means.dice), compare("per_class_ignore_empty", means.diceIgnoreEmpty)];
}
