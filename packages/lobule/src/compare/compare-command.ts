import { join, resolve } from "node:path";
import { requireApart, writeFileAtomically } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import {
  type ComparedRun,
  type ComparedVariant,
  ComparisonError,
  compareVariants,
  comparisonCasesCsv,
  comparisonCsv,
  comparisonJson,
  formatComparison,
  namesOf,
  readComparedRun,
  readingNames,
  renderComparison,
} from "@lobule/report";
import { readEnsemble } from "@lobule/train";
import { command, type Values } from "../command-line/command.js";
import { choice, flag, list, path, required, withDefault } from "../command-line/option.js";
import { say, sayJson, sayText } from "../shared/output.js";

const positionals = {
  runs: required(list(path("folders of runs or of cross-validations, baseline first", "input", "RUN"))),
};
const options = {
  out: withDefault(path("folder of the CSV, JSON and HTML files", "folder", "DIR"), "comparison"),
  reading: withDefault(choice(readingNames, "what is compared"), "dice"),
  unpaired: flag("compare means only, of other cases or data too"),
  json: flag("print the JSON in place of the table"),
};
type CompareArguments = Values<typeof positionals & typeof options>;

export const compareCommand = command({
  name: "compare",
  describe: "Compare measured runs with the first of them",
  positionals,
  options,
  run: compare,
  examples: [
    ["compare runs/unet runs/gated", "differences case by case, beside the cost"],
    ["compare runs/folds runs/planned", "two cross-validations with the same folds"],
    ["compare runs/a runs/b --unpaired", "runs on other cases"],
  ],
});

async function compare({ runs: directories, out, reading, unpaired, json }: CompareArguments): Promise<void> {
  await requireApart(nodeStorage, out, "--out");
  const variants = await readAll(directories);
  if (!unpaired) requireAsManyRuns(variants);
  const comparison = compareVariants(variants, { reading, paired: !unpaired });
  await nodeStorage.makeFolder(out);
  await writeFileAtomically(nodeStorage, join(out, "comparison.csv"), comparisonCsv(comparison));
  await writeFileAtomically(nodeStorage, join(out, "cases.csv"), comparisonCasesCsv(comparison));
  await writeFileAtomically(nodeStorage, join(out, "comparison.json"), comparisonJson(comparison));
  const curves = variants.map(({ runs }) => runs.map(({ metrics }) => metrics));
  await writeFileAtomically(nodeStorage, join(out, "comparison.html"), renderComparison(comparison, curves));
  if (json) {
    sayJson(comparisonJson(comparison));
    return;
  }
  sayText(formatComparison(comparison));
  say(`written: ${join(out, "comparison")}.{csv,json,html}, ${join(out, "cases.csv")}`);
}

/**
 * Runs, and cross-validations as variants of which each fold is a run.
 * @throws the error of the run that cannot be read; a ComparisonError that lists all where there are several.
 */
async function readAll(directories: readonly string[]): Promise<ComparedVariant[]> {
  const read = await Promise.allSettled(directories.map(runsOf));
  const errors = read.flatMap((each): unknown[] => (each.status === "rejected" ? [each.reason] : []));
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) {
    const messages = errors.map((error) => (error instanceof Error ? error.message : String(error)));
    throw new ComparisonError(`${errors.length} of the runs cannot be compared: ${messages.join("; ")}`);
  }
  const names = namesOf(directories.map((directory) => ({ directory, path: resolve(directory) })));
  return read.flatMap((each, i) => (each.status === "fulfilled" ? [{ name: names[i] ?? "", runs: each.value }] : []));
}

/** The run of a folder, or those of its folds. */
async function runsOf(directory: string): Promise<ComparedVariant["runs"]> {
  const ensemble = await readEnsemble(nodeStorage, directory);
  const folders = ensemble === null ? [directory] : ensemble.members.map(({ run }) => join(directory, run));
  const [first = directory, ...others] = folders;
  const read = (folder: string): Promise<ComparedRun> => readComparedRun(nodeStorage, folder);
  return [await read(first), ...(await Promise.all(others.map(read)))];
}

/** @throws ComparisonError when cross-validations have other numbers of folds, or are beside single runs. */
function requireAsManyRuns([baseline, ...others]: readonly ComparedVariant[]): void {
  const other = others.find(({ runs }) => runs.length !== baseline?.runs.length);
  if (baseline === undefined || other === undefined) return;
  const what = ({ name, runs }: ComparedVariant): string =>
    `${name} is a ${runs.length === 1 ? "single run" : `cross-validation of ${runs.length} folds`}`;
  throw new ComparisonError(
    `${what(baseline)}, and ${what(other)}; compare single runs, cross-validations of as many folds, or only means by --unpaired`,
  );
}
