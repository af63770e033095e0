import { join } from "node:path";
import { requireApart, writeFileAtomically } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import {
  type ComparedRun,
  ComparisonError,
  compareRuns,
  comparisonCasesCsv,
  comparisonCsv,
  comparisonJson,
  formatComparison,
  readComparedRun,
  readingNames,
  renderComparison,
} from "@lobule/report";
import { command, type Values } from "../command-line/command.js";
import { choice, flag, list, path, required, withDefault } from "../command-line/option.js";
import { say, sayJson, sayText } from "../shared/output.js";

const positionals = { runs: required(list(path("run folders, baseline first", "input", "RUN"))) };
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
    ["compare runs/a runs/b --unpaired", "runs on other cases"],
  ],
});

async function compare({ runs: directories, out, reading, unpaired, json }: CompareArguments): Promise<void> {
  await requireApart(nodeStorage, out, "--out");
  const runs = await readAll(directories);
  const comparison = compareRuns(runs, { reading, paired: !unpaired });
  await nodeStorage.makeFolder(out);
  await writeFileAtomically(nodeStorage, join(out, "comparison.csv"), comparisonCsv(comparison));
  await writeFileAtomically(nodeStorage, join(out, "cases.csv"), comparisonCasesCsv(comparison));
  await writeFileAtomically(nodeStorage, join(out, "comparison.json"), comparisonJson(comparison));
  const curves = runs.map(({ metrics }) => [metrics]);
  await writeFileAtomically(nodeStorage, join(out, "comparison.html"), renderComparison(comparison, curves));
  if (json) {
    sayJson(comparisonJson(comparison));
    return;
  }
  sayText(formatComparison(comparison));
  say(`written: ${join(out, "comparison")}.{csv,json,html}, ${join(out, "cases.csv")}`);
}

/** @throws the error of the run that cannot be read; a ComparisonError that lists all where there are several. */
async function readAll(directories: readonly string[]): Promise<ComparedRun[]> {
  const read = await Promise.allSettled(directories.map((directory) => readComparedRun(nodeStorage, directory)));
  const errors = read.flatMap((each): unknown[] => (each.status === "rejected" ? [each.reason] : []));
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) {
    const messages = errors.map((error) => (error instanceof Error ? error.message : String(error)));
    throw new ComparisonError(`${errors.length} of the runs cannot be compared: ${messages.join("; ")}`);
  }
  return read.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
}
