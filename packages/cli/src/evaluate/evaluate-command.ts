import { join, resolve } from "node:path";
import { DataError, makeFolder } from "@lobule/data";
import {
  defaultTolerance,
  type EvaluationPlan,
  evaluateRun,
  evaluationCsv,
  evaluationJson,
  finishedCases,
  formatEvaluation,
  listFailures,
  measurementName,
  planEvaluation,
  provenanceOf,
  readMeasurement,
  readModel,
  writeFileAtomically,
} from "@lobule/train";
import type { CommandModule } from "yargs";
import { interruptible } from "../shared/interruption.js";
import { openDevice } from "../shared/open-device.js";
import { say, sayJson, sayText, warn } from "../shared/output.js";
import { progress } from "../shared/progress.js";

interface EvaluateArguments {
  readonly run: string;
  readonly data?: string;
  readonly map?: readonly string[];
  readonly includeTraining: boolean;
  readonly out?: string;
  readonly tolerance: number;
  readonly mirror: boolean;
  readonly json: boolean;
  readonly atOnce: number;
  readonly precision: "f32" | "f16";
}

export const evaluateCommand: CommandModule<object, EvaluateArguments> = {
  command: "evaluate <run>",
  describe: "Measure a trained model on labelled cases",
  builder: (parser) =>
    parser
      .positional("run", { type: "string", demandOption: true, describe: "run folder" })
      .option("data", { type: "string", describe: "another Decathlon folder [the run's validation cases]" })
      .option("map", {
        ...{ type: "string", array: true, nargs: 1 },
        describe: "FROM=TO: count the folder's label FROM as the model's label TO; values or names",
      })
      .option("include-training", {
        ...{ type: "boolean", default: false },
        describe: "also measure cases that the run was trained on, marked as such",
      })
      .option("out", { type: "string", describe: "folder of the CSV and JSON files [RUN/evaluation]" })
      .option("tolerance", { type: "number", default: defaultTolerance, describe: "of the surface distance, mm" })
      .option("mirror", { type: "boolean", default: false, describe: "average over mirror images" })
      .option("at-once", { type: "number", default: 4, describe: "slices run at once" })
      .option("precision", { choices: ["f32", "f16"] as const, default: "f32", describe: "of stored activations" })
      .option("json", { type: "boolean", default: false, describe: "print the JSON in place of the table" })
      .example("$0 evaluate runs/liver", "the run's own validation cases")
      .example(
        "$0 evaluate runs/liver --data OTHER --map tumour=cancer",
        "the labelled cases of another folder",
      ) as never,
  handler: evaluate,
};

const words = { stopping: "stopping", stopped: "interrupted; nothing was written" };

async function evaluate(args: EvaluateArguments): Promise<void> {
  const { run, data, map, includeTraining, tolerance, mirror, json, atOnce, precision } = args;
  const model = await readModel(run);
  const plan = await planEvaluation(run, model, {
    ...{ includeTraining, mirror, precision },
    ...(data === undefined ? {} : { data }),
    ...(map === undefined ? {} : { map }),
  });
  const folder = args.out ?? join(run, "evaluation");
  const nameOf = (heldOut: boolean): Promise<string> =>
    measurementName(heldOut ? undefined : plan.task.directory, plan.settings, tolerance);
  if (args.out !== undefined) {
    for (const name of new Set([await nameOf(true), await nameOf(plan.own)])) await requireOwn(join(folder, name), run);
  }
  const expected = join(folder, `${await nameOf(plan.own)}.json`);
  const before = finishedCases(await readMeasurement(expected), provenanceOf(plan), tolerance);
  announce(plan);
  const device = await openDevice();
  const bar = progress("evaluating");
  try {
    const { result, heldOut } = await interruptible(words, (signal) =>
      evaluateRun(device, plan, {
        ...{ atOnce, tolerance, signal },
        measuredBefore: (_, { content }) => before.get(content),
        onCase: (done, total, name) => bar.update(done, total, name),
      }),
    );
    bar.end();
    const path = join(folder, await nameOf(heldOut));
    await makeFolder(folder);
    await writeFileAtomically(`${path}.csv`, evaluationCsv(result));
    await writeFileAtomically(`${path}.json`, evaluationJson(result));
    const { preset } = model.description;
    if (json) sayJson(evaluationJson(result));
    else {
      sayText(formatEvaluation(result, preset === null ? {} : { reference: preset }));
      say(`written: ${path}.{csv,json}`);
    }
    const { failures = [] } = result.provenance ?? {};
    if (failures.length > 0) {
      throw new DataError(
        `${failures.length} of ${failures.length + result.cases.length} cases could not be measured: ${listFailures(failures)}; the others are in ${path}.json, and the same command measures what is missing`,
      );
    }
  } finally {
    bar.end();
    device.destroy();
  }
}

/** What is known before the first case is measured, on the error stream. */
function announce({ notes, failures }: EvaluationPlan): void {
  for (const note of notes) warn(`note: ${note}`);
  for (const { name, error } of failures) warn(`note: ${name} cannot be measured: ${error}`);
}

/** @throws DataError when there is the measurement of another run at a path. */
async function requireOwn(path: string, run: string): Promise<void> {
  const before = await readMeasurement(`${path}.json`);
  if (before === undefined || before.provenance.run.directory === resolve(run)) return;
  throw new DataError(
    `${path}.json is the measurement of ${before.provenance.run.directory}; name another folder with --out`,
  );
}
