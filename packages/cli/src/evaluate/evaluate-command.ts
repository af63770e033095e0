import { mkdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { type DecathlonCase, readDecathlon } from "@lobule/data";
import {
  ConfigError,
  evaluateCases,
  evaluationCsv,
  evaluationJson,
  formatEvaluation,
  RunFolder,
  readModel,
  SlicePredictor,
  summarise,
  writeFileAtomically,
} from "@lobule/train";
import type { CommandModule } from "yargs";
import { interruptible } from "../shared/interruption.js";
import { openDevice } from "../shared/open-device.js";
import { say, sayJson, sayText } from "../shared/output.js";
import { progress } from "../shared/progress.js";

interface EvaluateArguments {
  readonly run: string;
  readonly data?: string;
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
      .option("out", { type: "string", describe: "folder of the CSV and JSON files [RUN/evaluation]" })
      .option("tolerance", { type: "number", default: 2, describe: "of the surface distance, mm" })
      .option("mirror", { type: "boolean", default: false, describe: "average over mirror images" })
      .option("at-once", { type: "number", default: 4, describe: "slices run at once" })
      .option("precision", { choices: ["f32", "f16"] as const, default: "f32", describe: "of stored activations" })
      .option("json", { type: "boolean", default: false, describe: "print the JSON in place of the table" })
      .example("$0 evaluate runs/liver", "the run's own validation cases")
      .example("$0 evaluate runs/liver --data OTHER", "every labelled case of another folder") as never,
  handler: evaluate,
};

const words = { stopping: "stopping", stopped: "interrupted; nothing was written" };

/** The cases to measure: every labelled one of a folder, or those that the run did not train on. */
async function casesOf({ run, data }: EvaluateArguments): Promise<{ task: string; cases: readonly DecathlonCase[] }> {
  if (data !== undefined) {
    const task = await readDecathlon(data);
    return { task: basename(resolve(data)), cases: task.cases };
  }
  const folder = await RunFolder.open(run);
  const config = folder.config;
  const source = typeof config === "object" && config !== null && "data" in config ? String(config.data) : "";
  const task = await readDecathlon(source);
  const known = new Map(task.cases.map((each) => [each.name, each]));
  const cases = folder.split.validation.map((name) => {
    const found = known.get(name);
    if (found === undefined) {
      throw new ConfigError(
        `${source}: the validation case ${name} of ${run} is not there any more; name a folder by --data`,
      );
    }
    return found;
  });
  return { task: "validation", cases };
}

async function evaluate(args: EvaluateArguments): Promise<void> {
  const { run, out, tolerance, mirror, json, atOnce, precision } = args;
  const model = await readModel(run);
  const { task, cases } = await casesOf(args);
  const device = await openDevice();
  const bar = progress("evaluating");
  try {
    const predictor = new SlicePredictor(device, model, { atOnce, mirror, precision });
    const results = await interruptible(words, (signal) =>
      evaluateCases(predictor, cases, {
        ...{ tolerance, signal },
        onCase: (done, total, name) => bar.update(done, total, name),
      }),
    );
    bar.end();
    const result = summarise(results);
    const folder = out ?? join(run, "evaluation");
    await mkdir(folder, { recursive: true });
    await writeFileAtomically(join(folder, `${task}.csv`), evaluationCsv(result));
    await writeFileAtomically(join(folder, `${task}.json`), evaluationJson(result));
    const { preset } = model.description;
    if (json) sayJson(evaluationJson(result));
    else {
      sayText(formatEvaluation(result, preset === null ? {} : { reference: preset }));
      say(`written: ${join(folder, task)}.{csv,json}`);
    }
  } finally {
    bar.end();
    device.destroy();
  }
}
