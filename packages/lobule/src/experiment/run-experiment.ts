import { join } from "node:path";
import { exists, plural, writeFileAtomically } from "@lobule/data";
import { nodeStorage, waitUntilFree } from "@lobule/node";
import { type EpochRecord, type MayWrite, RunFolder, runProgressOf } from "@lobule/train";
import { runLockPath } from "../train/run-lock.js";
import { runChild } from "./child-run.js";
import { type Experiment, ExperimentError } from "./experiment-file.js";
import {
  beginRecord,
  type ExperimentRecord,
  readExperimentRecord,
  requirePlanned,
  requireUnchanged,
  writeExperimentRecord,
} from "./experiment-folder.js";
import { ExperimentPace } from "./experiment-pace.js";
import type { PlannedRun } from "./plan-experiment.js";
import { decideRung, scoreAt } from "./successive-halving.js";
export interface ExperimentOptions {
  /** Folder of the experiment. */
  readonly directory: string;
  /** The experiment file, for messages. */
  readonly source: string;
  /** LOBULE_ADAPTER of each run that goes at the same time; undefined for this process's own choice. */
  readonly adapters: readonly (string | undefined)[];
  readonly cache: string | undefined;
  /** Whether runs that are resumed may run code of their own that was not made here. */
  readonly trustCode: boolean;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  /** Is given what the training of a run says besides: cases that are not held out, classes that no case has. */
  readonly onNote: (run: string, note: string) => void;
  /** Throws where another process has taken the experiment's folder. */
  readonly mayWrite: MayWrite;
}

type RunRecord = ExperimentRecord["runs"][number];

/**
 * Trains what is left of an experiment, rung by rung, and measures it. The record is written after every change, so the
 * same experiment begun again resumes where this one was stopped or killed.
 * @returns the record; runs that failed say why, and are tried again the next time.
 * @throws ExperimentError when the folder holds another experiment; the signal's reason when it was stopped.
 */
export async function runExperiment(
  experiment: Experiment,
  planned: readonly PlannedRun[],
  options: ExperimentOptions,
): Promise<ExperimentRecord> {
  const { directory, source, log } = options;
  const before = await readExperimentRecord(nodeStorage, directory);
  if (before !== null) {
    requireUnchanged(before, experiment, source, directory);
    requirePlanned(before, planned, directory);
  }
  let record = before ?? beginRecord(experiment, planned);
  // One write at a time, where several runs are under way at once.
  let writing: Promise<void> = Promise.resolve();
  const keep = (change: Partial<ExperimentRecord>): Promise<void> => {
    record = { ...record, ...change };
    writing = writing.then(options.mayWrite).then(() => writeExperimentRecord(nodeStorage, directory, record));
    return writing;
  };
  const set = (name: string, change: Partial<RunRecord>): Promise<void> =>
    keep({ runs: record.runs.map((run) => (run.name === name ? { ...run, ...change } : run)) });
  await keep({});
  const pace = new ExperimentPace(
    await Promise.all(planned.map(async ({ name }) => ({ name, epochs: await epochsOf(join(directory, name)) }))),
    experiment.epochs,
    () => performance.now() / 1000,
  );
  for (const { name, state } of record.runs) if (state === "done" || state === "stopped") pace.ended(name);
  const { rungs = [], keep: share = 1, by = "loss" } = experiment.successiveHalving ?? {};
  for (const until of [...rungs, experiment.epochs]) {
    const left = planned.filter(({ name }) => {
      const state = record.runs.find((run) => run.name === name)?.state;
      return state !== "done" && state !== "stopped";
    });
    await inParallel(left, options.adapters, async (run, adapter) => {
      options.signal.throwIfAborted();
      await set(run.name, { state: "training", error: null });
      const number = planned.indexOf(run) + 1;
      const onEpoch = (line: string): void => log(pace.line(line, run.name, number));
      const { state, error } = await trainRun(run, until, experiment.epochs, adapter, { ...options, onEpoch });
      await set(run.name, { state, error });
      if (state === "done" || state === "failed") pace.ended(run.name);
      if (error !== null) log(`${run.name}  failed: ${error}`);
      options.signal.throwIfAborted();
    });
    if (until === experiment.epochs || record.rungs.some(({ epochs }) => epochs === until)) continue;
    const rung = decideRung(await scoresAt(record, directory, until, by), { epochs: until, keep: share, by });
    await keep({
      rungs: [...record.rungs, { ...rung, scores: [...rung.scores], stopped: [...rung.stopped] }],
      runs: record.runs.map((run) => (rung.stopped.includes(run.variant) ? { ...run, state: "stopped" } : run)),
    });
    for (const { name, variant } of planned) if (rung.stopped.includes(variant)) pace.ended(name);
    log(
      `after ${plural(until, "epoch")}: ${rung.stopped.length === 0 ? "all variants" : `${rung.stopped.join(", ")} stop, the others`} continue`,
    );
  }
  return record;
}

/** What the processes of a run need of the experiment's options. */
type TrainOptions = Pick<ExperimentOptions, "directory" | "trustCode" | "cache" | "signal" | "onNote"> & {
  /** Is given each line that a run prints, of which those of epochs are JSON. */
  readonly onEpoch: (line: string) => void;
};

/** Trains a run up to an epoch, and measures it where that is the last one. */
export async function trainRun(
  { name, config }: PlannedRun,
  until: number,
  epochs: number,
  adapter: string | undefined,
  { directory, trustCode, cache, signal, onEpoch, onNote }: TrainOptions,
): Promise<Pick<RunRecord, "state" | "error">> {
  const run = join(directory, name);
  const cached = cache === undefined ? [] : ["--cache", cache];
  const pause = until < epochs ? ["--pause-after", String(until)] : [];
  const settings = join(directory, `${name}.json`);
  await writeFileAtomically(nodeStorage, settings, `${JSON.stringify(config, null, 2)}\n`);
  const begun = await exists(nodeStorage, join(run, "config.json"));
  // The experiment file names its models itself, where the user can see them.
  const model = config.model === null ? [] : ["--model", config.model];
  const words = begun
    ? ["train", "--resume", run, ...(trustCode ? ["--trust-code"] : [])]
    : ["train", "--config", settings, "--out", run, ...model];
  await waitUntilFree(runLockPath(run), patience, signal);
  const trained = await runChild([...words, ...pause, ...cached, "--json"], {
    ...{ adapter, signal, onLine: onEpoch },
    onNote: (note) => onNote(name, note),
  });
  if (signal.aborted) return { state: "paused", error: null };
  if (trained.code !== 0) return { state: "failed", error: trained.sentence };
  if (until < epochs) return { state: "paused", error: null };
  const { code, sentence } = await runChild(["evaluate", run], { adapter, signal });
  if (signal.aborted) return { state: "paused", error: null };
  return code === 0 ? { state: "done", error: null } : { state: "failed", error: sentence };
}

/** Milliseconds that are waited for a run whose parent was killed: it ends with its step, and keeps its folder until then. */
const patience = 30_000;

/** Epochs that a run has had; none where it has not begun. */
const epochsOf = (directory: string): Promise<number> =>
  RunFolder.open(nodeStorage, directory)
    .then((folder) => folder.readMetrics())
    .then(
      (records) => records.length,
      () => 0,
    );

/** The score of each run of the variants that have not stopped, after so many epochs. @throws ExperimentError as recordsAt. */
export async function scoresAt(
  { runs }: ExperimentRecord,
  directory: string,
  epochs: number,
  by: "dice" | "loss",
): Promise<Map<string, (number | null)[]>> {
  const scores = new Map<string, (number | null)[]>();
  for (const { name, variant, state } of runs) {
    if (state === "stopped") continue;
    const score = state === "failed" ? null : scoreAt(await recordsAt(join(directory, name), epochs), epochs, by);
    scores.set(variant, [...(scores.get(variant) ?? []), score]);
  }
  return scores;
}

/**
 * The records of a run whose state after so many epochs is to be judged.
 * @throws ExperimentError when the one that decides was lost.
 */
async function recordsAt(run: string, epochs: number): Promise<EpochRecord[]> {
  const folder = await RunFolder.open(nodeStorage, run);
  const records = await folder.readMetrics();
  const last = Math.min(epochs, (await runProgressOf(folder)).epochs);
  if (last > 0 && !records.some(({ epoch }) => epoch === last - 1)) {
    throw new ExperimentError(
      `${run}/metrics.jsonl has lost the record of epoch ${last}, by which the variants are ranked; restore the file, or remove the folder ${run} and the same command trains it again`,
    );
  }
  return records;
}

/** Does the work of each item, as many at a time as there are slots, each slot one after another. */
async function inParallel<T, Slot>(
  items: readonly T[],
  slots: readonly Slot[],
  work: (item: T, slot: Slot) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  await Promise.all(
    slots.map(async (slot) => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item, slot);
    }),
  );
}

/** @throws ExperimentError when fewer than two variants have all their runs done. */
export function requireTwo(finished: number, failed: readonly RunRecord[]): void {
  if (finished >= 2) return;
  throw new ExperimentError(
    `fewer than two variants have all their runs, so there is nothing to compare${failed.length === 0 ? "" : `; ${plural(failed.length, "run")} failed, the first because: ${failed[0]?.error}; the same command tries them again`}`,
  );
}
