import { join } from "node:path";
import { makeFolder } from "@lobule/data";
import {
  type ComparedRun,
  ComparisonError,
  compareRuns,
  comparisonCasesCsv,
  comparisonCsv,
  comparisonJson,
  formatComparison,
  type ReadingName,
  readComparedRun,
  readingNames,
  renderComparison,
  writeFileAtomically,
} from "@lobule/train";
import type { CommandModule } from "yargs";
import { say, sayJson, sayText } from "../shared/output.js";

interface CompareArguments {
  readonly runs: readonly string[];
  readonly out: string;
  readonly reading: ReadingName;
  readonly unpaired: boolean;
  readonly json: boolean;
}

export const compareCommand: CommandModule<object, CompareArguments> = {
  command: "compare <runs..>",
  describe: "Compare measured runs with the first of them",
  builder: (parser) =>
    parser
      .positional("runs", { type: "string", array: true, demandOption: true, describe: "run folders, baseline first" })
      .option("out", { type: "string", default: "comparison", describe: "folder of the CSV, JSON and HTML files" })
      .option("reading", { choices: readingNames, default: "dice", describe: "what is compared" })
      .option("unpaired", { type: "boolean", default: false, describe: "means only, of other cases or data" })
      .option("json", { type: "boolean", default: false, describe: "print the JSON in place of the table" })
      .example("$0 compare runs/unet runs/gated", "differences case by case, beside the cost")
      .example("$0 compare runs/a runs/b --unpaired", "runs on other cases") as never,
  handler: compare,
};

async function compare({ runs: directories, out, reading, unpaired, json }: CompareArguments): Promise<void> {
  const runs = await readAll(directories);
  const comparison = compareRuns(runs, { reading, paired: !unpaired });
  await makeFolder(out);
  await writeFileAtomically(join(out, "comparison.csv"), comparisonCsv(comparison));
  await writeFileAtomically(join(out, "cases.csv"), comparisonCasesCsv(comparison));
  await writeFileAtomically(join(out, "comparison.json"), comparisonJson(comparison));
  const curves = runs.map(({ metrics }) => [metrics]);
  await writeFileAtomically(join(out, "comparison.html"), renderComparison(comparison, curves));
  if (json) {
    sayJson(comparisonJson(comparison));
    return;
  }
  sayText(formatComparison(comparison));
  say(`written: ${join(out, "comparison")}.{csv,json,html}, ${join(out, "cases.csv")}`);
}

/** @throws the error of the run that cannot be read; a ComparisonError that lists all where there are several. */
async function readAll(directories: readonly string[]): Promise<ComparedRun[]> {
  const read = await Promise.allSettled(directories.map((directory) => readComparedRun(directory)));
  const errors = read.flatMap((each): unknown[] => (each.status === "rejected" ? [each.reason] : []));
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) {
    const messages = errors.map((error) => (error instanceof Error ? error.message : String(error)));
    throw new ComparisonError(`${errors.length} of the runs cannot be compared: ${messages.join("; ")}`);
  }
  return read.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
}
