import { dirname, join, resolve } from "node:path";
import {
  commandText,
  exists,
  LockError,
  messageOf,
  plural,
  readDecathlon,
  requireApart,
  writeFileAtomically,
} from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import {
  type ComparedRun,
  type ComparedVariant,
  compareVariants,
  comparisonCasesCsv,
  comparisonCsv,
  comparisonJson,
  formatComparison,
  readComparedRun,
  renderComparison,
} from "@lobule/report";
import { chooseCases, planRun, readModel } from "@lobule/train";
import { command, type Values } from "../command-line/command.js";
import { choice, flag, list, path, required, whole } from "../command-line/option.js";
import { interruptible } from "../shared/interruption.js";
import { deviceOption, openDevice } from "../shared/open-device.js";
import { say, sayText } from "../shared/output.js";
import { type Input, requireNoInput } from "../shared/outputs.js";
import { experimentSettings, readSettingsFile } from "../shared/settings-file.js";
import { fit, partsInLines } from "../shared/text.js";
import { codeTrust, trustCodeOption } from "../shared/trust-code.js";
import { compileModel } from "../train/compile-model.js";
import { ExperimentError, parseExperiment } from "./experiment-file.js";
import { type ExperimentRecord, readRecordOf, writeExperimentRecord } from "./experiment-folder.js";
import { lockExperiment } from "./experiment-lock.js";
import { notesOnce } from "./notes-once.js";
import { type PlannedRun, planExperiment } from "./plan-experiment.js";
import { requireTwo, runExperiment } from "./run-experiment.js";
import { workOnExperiment } from "./shared-experiment.js";
import { runSlurmArray } from "./slurm.js";

const positionals = { file: required(path("YAML or JSON file, see docs/experiments.md", "input", "FILE")) };
const options = {
  out: path("folder of the runs; a stopped experiment is resumed in its folder", "folder", "DIR"),
  "dry-run": flag("show what would be trained, train nothing"),
  adapters: list({ ...deviceOption, describe: "one run at a time on each: gpu:0 gpu:1, or other names" }),
  array: flag("take runs that no other worker has, as a task of a job array does; all share --out"),
  workers: choice(["slurm"], "train the runs by a job array of this scheduler, and wait for it", {
    conflicts: { array: "a worker starts no others", adapters: "tasks take the GPU that they are given" },
  }),
  "at-once": whole("tasks of the job array [one for each run]", { least: 1 }, { needs: "workers" }),
  cache: path("folder of the decoded slices", "folder", "DIR"),
  "trust-code": trustCodeOption,
  device: { ...deviceOption, conflicts: { adapters: "both say what the runs use" } },
};
type ExperimentArguments = Values<typeof positionals & typeof options>;

export const experimentCommand = command({
  name: "experiment",
  describe: "Train variants under the same conditions and compare them",
  positionals,
  options,
  run: experiment,
  examples: [
    ["experiment gates.json --dry-run", "what it would cost"],
    ["experiment gates.json --out experiments/gates", "train, measure, compare"],
    ["experiment gates.json --out experiments/gates --workers slurm", "each run a task of a job array"],
  ],
});

/** Files of an experiment's folder besides those of its runs. */
const writtenFiles = ["experiment.json", "comparison.csv", "comparison.json", "comparison.html", "cases.csv"];

const modelsOf = (planned: readonly PlannedRun[]): Input[] =>
  [...new Set(planned.map(({ config }) => config.model))].flatMap((path) =>
    path === null ? [] : [{ what: "model file", path }],
  );

async function experiment(args: ExperimentArguments): Promise<void> {
  const { file, out, dryRun, adapters, cache, trustCode, array, workers } = args;
  const { parsed, planned } = await readExperiment(file);
  // A folder that is none, or cases that cannot be split, are told at once, not by every run.
  const task = await readDecathlon(nodeStorage, parsed.data);
  for (const { config } of planned.slice(0, 1)) await chooseCases(nodeStorage, task, config, []);
  const begun = (name: string): Promise<boolean> =>
    out === undefined ? Promise.resolve(false) : exists(nodeStorage, join(out, name, "config.json"));
  await requireModels(planned, trustCode, begun);
  if (dryRun) return showPlan(planned);
  if (out === undefined) throw new ExperimentError("name the folder of the experiment: --out DIR");
  const directory = resolve(out);
  await requireApart(nodeStorage, directory, "--out", task);
  if (cache !== undefined) await requireApart(nodeStorage, cache, "--cache");
  await readRecordOf(nodeStorage, directory, "an experiment");
  await requireNoInput(
    [...new Set([...planned.map(({ name }) => `${name}.json`), ...writtenFiles])].map((name) => ({
      option: "--out",
      path: join(directory, name),
    })),
    [{ what: "experiment file", path: file }, ...modelsOf(planned)],
  );
  const words = {
    stopping: "stopping after this step",
    stopped: `interrupted; everything so far is saved. Go on with: ${commandText("experiment", file, "--out", out, ...againOf(args))}`,
  };
  const shared = {
    directory,
    source: file,
    cache,
    trustCode,
    log: (line: string) => say(...partsInLines(line.split("  "), "    ")),
    onNote: notesOnce(),
    adapters: adapters ?? [undefined],
  };
  const failed = await interruptible(words, async (signal) => {
    if (workers !== undefined) await submit(args, planned.length, directory, signal);
    if (array || workers !== undefined) {
      const record = await workOnExperiment(parsed, planned, { ...shared, signal });
      return concluded(record, planned, directory, parsed.folds !== null, signal);
    }
    const lock = await lockExperiment(directory, signal);
    try {
      const record = await runExperiment(parsed, planned, {
        ...shared,
        signal,
        mayWrite: () => lock.check(),
      });
      await lock.check();
      await compare(record, planned, directory, parsed.folds !== null);
      return record.runs.filter(({ state }) => state === "failed");
    } catch (error) {
      throw signal.aborted && !(error instanceof LockError) ? signal.reason : error;
    } finally {
      await lock.release();
    }
  });
  if (failed.length > 0) {
    throw new ExperimentError(
      `${failed.length} of the runs failed, the first (${failed[0]?.name}) because: ${failed[0]?.error}; the same command tries them again`,
    );
  }
}

/** An experiment file with the runs that it describes. Data and models are named from its folder. */
async function readExperiment(file: string) {
  const { settings, lineOf } = await readSettingsFile(file, experimentSettings);
  const asWritten = parseExperiment(settings, file, lineOf);
  const from = (path: string): string => resolve(dirname(file), path);
  const parsed = { ...asWritten, data: from(asWritten.data) };
  const whole = (path: string | null): string | null => (path === null ? null : from(path));
  const planned = planExperiment(asWritten, parsed.data, file, lineOf).map((run) => ({
    ...run,
    config: { ...run.config, model: whole(run.config.model), init: whole(run.config.init) },
  }));
  return { parsed, planned };
}

/**
 * Reads the models that runs are made by or begin with, so that one which cannot be used is told before others are trained.
 * Runs that have begun need them no more.
 * @throws ExperimentError that names the variant.
 */
async function requireModels(
  planned: readonly PlannedRun[],
  trustCode: boolean,
  begun: (name: string) => Promise<boolean>,
): Promise<void> {
  const seen = new Set<string>();
  for (const { name, variant, config } of planned) {
    const { model, init } = config;
    const key = JSON.stringify([model, init]);
    if (seen.has(key) || (await begun(name))) continue;
    seen.add(key);
    try {
      if (model !== null) await compileModel(model);
      if (init !== null) await readModel(nodeStorage, init, codeTrust({ trustCode }));
    } catch (error) {
      throw new ExperimentError(`the variant '${variant}': ${messageOf(error)}`, { cause: error });
    }
  }
}

/** Options with which the same command goes on, but for --out. */
export const againOf = ({ array, workers, atOnce, adapters, cache, trustCode }: ExperimentArguments): string[] => [
  ...(array ? ["--array"] : []),
  ...(workers === undefined ? [] : ["--workers", workers]),
  ...(atOnce === undefined ? [] : ["--at-once", `${atOnce}`]),
  ...(adapters === undefined ? [] : ["--adapters", ...adapters]),
  ...(cache === undefined ? [] : ["--cache", cache]),
  ...(trustCode ? ["--trust-code"] : []),
];

/** Trains by a job array, and waits for it. */
async function submit(
  { file, cache, trustCode, atOnce }: ExperimentArguments,
  runs: number,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  await nodeStorage.makeFolder(directory);
  await runSlurmArray({
    tasks: atOnce ?? runs,
    directory,
    words: [
      "experiment",
      resolve(file),
      "--out",
      directory,
      "--array",
      ...(trustCode ? ["--trust-code"] : []),
      ...(cache === undefined ? [] : ["--cache", resolve(cache)]),
    ],
    signal,
    onSubmitted: (job) => say(`job ${job}; its output is in ${directory}/slurm-${job}_*.log`),
  });
}

/** Writes the record and the comparison of runs that several workers trained, where no other worker does so now. */
async function concluded(
  record: ExperimentRecord,
  planned: readonly PlannedRun[],
  directory: string,
  folds: boolean,
  signal: AbortSignal,
): Promise<ExperimentRecord["runs"]> {
  const lock = await lockExperiment(directory, signal).catch((error: unknown) => {
    if (!(error instanceof LockError)) throw error;
    say("another worker writes the comparison");
    return undefined;
  });
  try {
    if (lock !== undefined) {
      await writeExperimentRecord(nodeStorage, directory, record);
      await compare(record, planned, directory, folds);
    }
    return record.runs.filter(({ state }) => state === "failed");
  } finally {
    await lock?.release();
  }
}

/** A line a variant: what a run of it is and costs. */
async function showPlan(planned: readonly PlannedRun[]): Promise<void> {
  const device = await openDevice();
  const { kernels } = device;
  device.destroy();
  const variants = [...new Map(planned.map((run) => [run.variant, run])).values()];
  say(
    `${"variant".padEnd(34)}${"parameters".padStart(11)}${"GFLOP".padStart(8)}${"MB moved".padStart(9)}${"peak MB".padStart(8)}${"steps".padStart(8)}`,
  );
  for (const { variant, config } of variants) {
    const code = config.model === null ? undefined : await compileModel(config.model);
    const { step, steps } = await planRun(nodeStorage, config, { code, kernels });
    const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
    say(
      `${fit(variant, 34)}${step.parameters.toLocaleString("en-US").padStart(11)}${(step.flops / 1e9).toFixed(2).padStart(8)}${megabytes(step.bytes).padStart(9)}${megabytes(step.peakBytes).padStart(8)}${String(steps).padStart(8)}`,
    );
  }
  say(
    `${plural(planned.length, "run")} of ${plural(planned[0]?.config.epochs ?? 0, "epoch")}; FLOPs and traffic of a step by its plan. Nothing was trained.`,
  );
}

/** Compares the variants that have all their runs, with the seeds and folds of each taken together. */
async function compare(
  record: ExperimentRecord,
  planned: readonly PlannedRun[],
  directory: string,
  folds: boolean,
): Promise<void> {
  const done = new Set(record.runs.filter(({ state }) => state === "done").map(({ name }) => name));
  const variants: ComparedVariant[] = [];
  for (const name of new Set(planned.map(({ variant }) => variant))) {
    const names = planned.filter(({ variant }) => variant === name).map((run) => run.name);
    if (!names.every((each) => done.has(each))) continue;
    const [first, ...others] = await Promise.all(
      names.map((each) => readComparedRun(nodeStorage, join(directory, each))),
    );
    variants.push({ name, runs: [first as ComparedRun, ...others] });
  }
  requireTwo(
    variants.length,
    record.runs.filter(({ state }) => state === "failed"),
  );
  const comparison = compareVariants(variants);
  await writeFileAtomically(nodeStorage, join(directory, "comparison.csv"), comparisonCsv(comparison));
  await writeFileAtomically(nodeStorage, join(directory, "cases.csv"), comparisonCasesCsv(comparison));
  await writeFileAtomically(nodeStorage, join(directory, "comparison.json"), comparisonJson(comparison));
  const curves = variants.map(({ runs }) => runs.map(({ metrics }) => metrics));
  await writeFileAtomically(nodeStorage, join(directory, "comparison.html"), renderComparison(comparison, curves));
  sayText(formatComparison(comparison));
  const runs = variants[0]?.runs.length ?? 1;
  if (runs > 1) {
    say(`Each variant: ${runs} runs (seeds${folds ? " and folds" : ""}), averaged case by case; means of the runs:`);
    for (const { name, runs: readings } of comparison.classes) {
      for (const [i, { runMeans }] of readings.entries()) {
        const means = runMeans.map((mean) => mean?.toFixed(3) ?? "-").join(" ");
        say(`  ${fit(`${name}, ${variants[i]?.name}`, 40)} ${means}`);
      }
    }
  }
  say(`written: ${join(directory, "comparison")}.{csv,json,html}, ${join(directory, "cases.csv")}`);
}
