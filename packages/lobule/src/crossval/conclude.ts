import { join } from "node:path";
import { LockError, plural, writeFileAtomically } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { crossValidationCsv, crossValidationJson, formatEvaluation, renderCrossValidation } from "@lobule/report";
import { type CrossValidation, joinFolds, RunFolder, readFold, writeEnsemble } from "@lobule/train";
import { lockExperiment } from "../experiment/experiment-lock.js";
import { say, sayText } from "../shared/output.js";
import { fit } from "../shared/text.js";

/** Files of a cross-validation's folder besides those of its runs. */
export const writtenFiles = [
  "experiment.json",
  "settings.json",
  "crossval.json",
  "crossval.html",
  "cases.csv",
  "ensemble.json",
];

/** What is known of a cross-validation whose folds are all trained and measured. */
export interface FinishedFolds {
  readonly directory: string;
  /** What the page is called. */
  readonly title: string;
  readonly data: string;
  /** Folders of the runs, within the directory. */
  readonly names: readonly string[];
  readonly settings: unknown;
}

/**
 * Takes the folds together: writes figures, page and the ensemble, and prints the figures; where another process does so
 * now, it is left to that.
 * @throws DataError when a fold was not measured on just the cases that it held out; FileWriteError.
 */
export async function conclude(finished: FinishedFolds, signal: AbortSignal): Promise<void> {
  const { directory, title, data, names, settings } = finished;
  const lock = await lockExperiment(directory, signal).catch((error: unknown) => {
    if (!(error instanceof LockError)) throw error;
    say("another process takes the folds together");
    return undefined;
  });
  if (lock === undefined) return;
  try {
    const folds = [];
    for (const name of names) folds.push(await readFold(nodeStorage, directory, name));
    const result = joinFolds(data, folds);
    const metrics = await Promise.all(
      names.map(async (name) => (await RunFolder.open(nodeStorage, join(directory, name))).readMetrics()),
    );
    const write = (name: string, text: string): Promise<void> =>
      writeFileAtomically(nodeStorage, join(directory, name), text);
    await write("crossval.json", crossValidationJson(result));
    await write("cases.csv", crossValidationCsv(result));
    await write("crossval.html", renderCrossValidation({ title, result, metrics, settings }));
    // Last: a folder that has it is finished.
    await writeEnsemble(
      nodeStorage,
      directory,
      folds.map(({ run, checkpoint }) => ({ run, sha256: checkpoint.sha256 })),
    );
    report(result);
  } finally {
    await lock.release();
  }
}

/** The figures of all cases, and a line a fold. */
function report({ evaluation, folds }: CrossValidation): void {
  sayText(formatEvaluation(evaluation));
  say("Fold by fold, mean per-case Dice of its cases:");
  for (const { run, validation, classes } of folds) {
    const dice = classes.map(({ name, perCase }) => `${fit(name, 12).trimEnd()} ${perCase?.toFixed(3) ?? "n/a"}`);
    say(`  ${fit(run, 8)}${plural(validation.length, "case").padStart(11)}  ${dice.join("  ")}`);
  }
}
