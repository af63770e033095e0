import { basename, join, resolve } from "node:path";
import { commandText, DataError, exists, plural, readDecathlon, requireApart, writeFileAtomically } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import {
  ConfigError,
  type CrossValidationFolds,
  crossValidationFolds,
  presetSettings,
  readChosen,
  readFold,
  type TrainingConfig,
  weightsOf,
} from "@lobule/train";
import { command } from "../command-line/command.js";
import { UsageError } from "../command-line/usage-error.js";
import { type ChildOptions, runChild } from "../experiment/child-run.js";
import { ExperimentError } from "../experiment/experiment-file.js";
import { readExperimentRecord, readRecordOf } from "../experiment/experiment-folder.js";
import { notesOnce } from "../experiment/notes-once.js";
import type { PlannedRun } from "../experiment/plan-experiment.js";
import { workOnExperiment } from "../experiment/shared-experiment.js";
import { runSlurmArray } from "../experiment/slurm.js";
import { interruptible } from "../shared/interruption.js";
import { say, warn } from "../shared/output.js";
import { requireNoInput } from "../shared/outputs.js";
import { progress } from "../shared/progress.js";
import { readSettingsFile, runSettings } from "../shared/settings-file.js";
import { partsInLines } from "../shared/text.js";
import { configFrom, type PlannedConfig } from "../train/config-from.js";
import { sliceCacheFolder } from "../train/slice-cache-folder.js";
import { givenSettings } from "../train/train-options.js";
import { conclude, writtenFiles } from "./conclude.js";
import { type CrossvalValues, crossvalOptions, crossvalPositionals } from "./crossval-options.js";
import { showCost } from "./dry-run.js";
import { requireSameCases } from "./same-cases.js";

export const crossvalCommand = command({
  name: "crossval",
  describe: "Train and measure a network on every fold of a Decathlon folder",
  positionals: crossvalPositionals,
  options: crossvalOptions,
  run: crossval,
  examples: [
    ["crossval DIR -o runs/folds --size 128 --epochs 12", "five folds, measured, and their ensemble"],
    ["crossval DIR auto -o runs/folds", "settings planned for the data and this adapter"],
    ["crossval Task03_Liver liver --dry-run --on h200", "what it takes, from measured parts"],
    ["crossval Task03_Liver liver -o runs/folds --workers slurm", "each fold a task of a job array"],
    ["segment scan.nii.gz -m runs/folds -o labels.nii.gz", "by the models of all folds together"],
  ],
});

const dryWords = { stopping: "stopping", stopped: "interrupted; nothing was trained" };

/** The plan by which the folds of `auto` are trained. */
const planName = "plan.yaml";

const nameOf = (fold: number): string => `fold${fold}`;

async function crossval(args: CrossvalValues, given: ReadonlySet<string>): Promise<void> {
  const { out, folds, fold, cache, dryRun, on } = args;
  if (fold !== undefined && fold >= folds) {
    throw new UsageError(`--fold is one of 0 to ${folds - 1} with --folds ${folds}, got ${fold}`);
  }
  const { config, plan } = await configOfFolds(args, given);
  const task = await readDecathlon(nodeStorage, config.data);
  if (dryRun) return interruptible(dryWords, (signal) => showCost(config, { folds, on, cache }, signal));
  if (out === undefined) throw new UsageError("name the folder of the folds: --out DIR");
  const directory = resolve(out);
  await requireApart(nodeStorage, directory, "--out", task);
  if (cache !== undefined) await requireApart(nodeStorage, cache, "--cache");
  await requireOwnFolder(directory);
  const own = [
    ...Array.from({ length: folds }, (_, i) => `${nameOf(i)}.json`),
    ...writtenFiles,
    ...(plan === undefined ? [] : [planName]),
  ];
  await requireNoInput(
    own.map((name) => ({ option: "--out", path: join(directory, name) })),
    [
      ...(args.config === undefined ? [] : [{ what: "config file", path: args.config }]),
      ...(config.model === null ? [] : [{ what: "model file", path: config.model }]),
    ],
  );
  const words = {
    stopping: "stopping after this step",
    stopped: "interrupted; everything so far is saved, and the same command goes on from there",
  };
  if (config.init !== null) {
    warn(`note: the folds begin with ${config.init}, so the cases that it was trained on are held out by none`);
  }
  await interruptible(words, (signal) => train(args, { config, plan }, directory, signal));
}

/**
 * @throws ExperimentError when the folder is of a run or of an experiment; DataError when it holds files of others that the
 * cross-validation would write.
 */
async function requireOwnFolder(directory: string): Promise<void> {
  if ((await readRecordOf(nodeStorage, directory, "a cross-validation")) !== null) return;
  for (const name of writtenFiles.filter((each) => each !== "settings.json")) {
    if (await exists(nodeStorage, join(directory, name))) {
      throw new DataError(
        `${join(directory, name)} is not of a cross-validation; remove it, or name another folder with --out`,
      );
    }
  }
}

/**
 * The settings that all folds share; a plan is made once, and then that of the folder counts.
 * @throws ConfigError where one of them says which cases are held out, or a plan would be made for another machine.
 */
async function configOfFolds(args: CrossvalValues, given: ReadonlySet<string>): Promise<PlannedConfig> {
  const { dir, recipe, out, workers } = args;
  const before = out === undefined || recipe !== "auto" ? undefined : join(out, planName);
  const kept = before !== undefined && (await exists(nodeStorage, before)) ? before : undefined;
  if (kept !== undefined && args.config !== undefined) {
    throw new ConfigError(
      `${kept} has the settings of these folds, so that --config would change nothing; leave it out, or name another folder with --out`,
    );
  }
  if (recipe === "auto" && workers !== undefined && kept === undefined) {
    throw new ConfigError(
      "'auto' plans for the adapter of this machine, and the folds are trained elsewhere; make the plan there, by `lobule plan`, and give it by --config",
    );
  }
  if (kept !== undefined) await requirePlanOf(kept, dir);
  const data = { option: "data", keys: ["data"], value: dir };
  const sources = kept === undefined ? { preset: recipe } : { preset: undefined, config: kept };
  const planned = await configFrom({ ...args, ...sources }, [...givenSettings(args, given, recipe === "auto"), data]);
  const usual = presetSettings(planned.config.preset);
  const own = (["fold", "validationCases", "overfitBatches", "trainFraction"] as const).find(
    (key) => planned.config[key] !== usual[key],
  );
  if (own !== undefined) {
    throw new ConfigError(
      `'${own}' of ${kept ?? args.config} says which cases a run is measured on, and a cross-validation holds out each of them once; leave it out`,
    );
  }
  return planned;
}

/** @throws ConfigError where a plan is of other data than the folds are asked for. */
async function requirePlanOf(path: string, dir: string): Promise<void> {
  const { data } = (await readSettingsFile(path, runSettings)).settings;
  if (typeof data !== "string" || resolve(data) === resolve(dir)) return;
  throw new ConfigError(
    `${path} was planned for ${data}, and would count for ${resolve(dir)} too; remove it, or name another folder with --out`,
  );
}

/** Trains what is left of the folds, or the one that is asked for, and takes them together when all are done. */
async function train(
  { folds, fold, adapters, workers, trustCode, cache, out }: CrossvalValues,
  { config, plan: planText }: PlannedConfig,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const finishedBefore = await exists(nodeStorage, join(directory, "ensemble.json"));
  if (workers !== undefined) await runTasks({ folds, trustCode, cache }, config, directory, signal);
  const { heldOut, contents } = await foldsOf(config, folds, cache, signal);
  const begun = await readExperimentRecord(nodeStorage, directory);
  if (begun !== null) requireSameCases(begun.experiment, { data: config.data, contents }, directory);
  // Kept once the folds can be made: from then on it counts.
  if (planText !== undefined && begun === null) {
    await nodeStorage.makeFolder(directory);
    await writeFileAtomically(nodeStorage, join(directory, planName), planText);
  }
  const planned = heldOut.map((validationCases, i): PlannedRun => {
    const name = nameOf(i);
    // The seed of the split has made the folds.
    return { name, variant: name, config: { ...config, splitSeed: null, validationCases } };
  });
  // What must be the same whenever the folds are gone on with.
  const { data, epochs, ...settings } = config;
  const plan = { data, folds, heldOut, contents, settings, epochs, successiveHalving: null };
  const { runs } = await workOnExperiment(plan, planned, {
    directory,
    source: "what is asked for",
    cache,
    trustCode,
    signal,
    adapters: adapters ?? [undefined],
    log: (line) => say(...partsInLines(line.split("  "), "    ")),
    onNote: notesOnce(),
    ...(fold === undefined ? {} : { only: nameOf(fold) }),
  });
  const failed = runs.filter(({ state }) => state === "failed");
  if (failed.length > 0) {
    throw new ExperimentError(
      `${failed.length} of ${folds} folds failed, the first (${failed[0]?.name}) because: ${failed[0]?.error}; the same command tries them again`,
    );
  }
  const left = runs.filter(({ state }) => state !== "done").map(({ name }) => name);
  if (left.length > 0) {
    say(`${folds - left.length} of ${folds} folds are done; left: ${left.join(", ")}`);
    return;
  }
  const names = planned.map(({ name }) => name);
  const title = `Cross-validation of ${basename(data)}`;
  await conclude({ directory, title, data, names, settings: { folds, epochs, ...settings } }, signal);
  const chosen = await choosePostprocessing(directory, names, { trustCode, adapter: adapters?.[0], signal });
  if (finishedBefore && !chosen) say("All folds had been trained and measured before; nothing was left to do.");
  say(`written: ${join(directory, "crossval")}.{html,json}, ${join(directory, "cases.csv")}`);
  say(`Next: ${commandText("segment", "SCAN", "-m", out ?? directory, "-o", "labels")}`);
}

/** Chooses what is done to labels of the ensemble, by all cases; false where that was done for these weights. */
async function choosePostprocessing(
  directory: string,
  names: readonly string[],
  { trustCode, adapter, signal }: Pick<ChildOptions, "adapter" | "signal"> & { readonly trustCode: boolean },
): Promise<boolean> {
  const folds = [];
  for (const name of names) folds.push(await readFold(nodeStorage, directory, name));
  const weights = weightsOf(folds.map(({ checkpoint }) => checkpoint));
  if ((await readChosen(nodeStorage, directory, weights)) !== undefined) return false;
  const words = ["postprocess", directory, ...(trustCode ? ["--trust-code"] : [])];
  const { code, sentence } = await runChild(words, { adapter, signal, onLine: (line) => say(line) });
  signal.throwIfAborted();
  if (code !== 0) throw new ExperimentError(`no post-processing could be chosen: ${sentence}`);
  return true;
}

/** The cases that each fold holds out, and what is in them. */
async function foldsOf(
  config: TrainingConfig,
  folds: number,
  cache: string | undefined,
  signal: AbortSignal,
): Promise<CrossValidationFolds> {
  const bar = progress("decoding");
  const cacheDirectory = cache ?? (await sliceCacheFolder())(config.data);
  try {
    return await crossValidationFolds(nodeStorage, config, folds, { cacheDirectory, signal, onDecoded: bar.update });
  } finally {
    bar.end();
  }
}

/** Trains the folds by a job array and waits for it; each task is this command with the same settings, from a file. */
async function runTasks(
  { folds, trustCode, cache }: Pick<CrossvalValues, "folds" | "trustCode" | "cache">,
  config: TrainingConfig,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  await nodeStorage.makeFolder(directory);
  const file = join(directory, "settings.json");
  await writeFileAtomically(nodeStorage, file, `${JSON.stringify(config, null, 2)}\n`);
  await runSlurmArray({
    tasks: folds,
    directory,
    words: [
      ...["crossval", config.data, "--config", file, "--folds", `${folds}`, "--out", directory],
      ...(trustCode ? ["--trust-code"] : []),
      ...(cache === undefined ? [] : ["--cache", resolve(cache)]),
    ],
    signal,
    onSubmitted: (job) =>
      say(`job ${job} of ${plural(folds, "task")}; its output is in ${directory}/slurm-${job}_*.log`),
  });
}
