import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { commandText, FileReadError, LockError, plural, readJson, writeFileAtomically } from "@lobule/data";
import { FolderLock, nodeStorage } from "@lobule/node";
import { fitJson } from "@lobule/train";
import { z } from "zod";
import { warn } from "../shared/output.js";
import type { TrainedTogether } from "./experiment-file.js";
import {
  beginRecord,
  type ExperimentRecord,
  readExperimentRecord,
  requirePlanned,
  requireUnchanged,
  writeExperimentRecord,
} from "./experiment-folder.js";
import { epochText } from "./experiment-pace.js";
import type { PlannedRun } from "./plan-experiment.js";
import { type ExperimentOptions, scoresAt, trainRun } from "./run-experiment.js";
import { decideRung } from "./successive-halving.js";

/** Milliseconds after which runs that others train are looked at again. */
const pause = 2000;

/** How far a run is, as the worker that trained it last has written it down. */
const outcomeSchema = z.strictObject({
  state: z.enum(["paused", "done", "failed"]),
  error: z.string().nullable(),
  /** Epochs that it was to have. */
  until: z.int(),
  /** Milliseconds since 1970, for telling failures of this time from earlier ones. */
  at: z.number(),
});
type Outcome = z.output<typeof outcomeSchema>;

/** How a worker is told from the serial command: it shares the folder with others and keeps no record of its own. */
export interface WorkerOptions extends Omit<ExperimentOptions, "mayWrite"> {
  /** The only run that this worker is to train; all by default. */
  readonly only?: string;
}

/**
 * Trains an experiment together with other workers that share its folder, on this machine or others. Each run is claimed by
 * a lock with signs of life, so no two train it; one whose worker is gone is claimed by another and resumed. What is decided at
 * the rungs follows from the runs' records, so every worker decides alike. Returns when all runs are done, or the only one
 * that is wanted.
 * @returns the record that the serial command would have.
 * @throws ExperimentError when the folder holds another experiment; the signal's reason when it was stopped.
 */
export async function workOnExperiment(
  experiment: TrainedTogether,
  planned: readonly PlannedRun[],
  options: WorkerOptions,
): Promise<ExperimentRecord> {
  const { directory, source, log } = options;
  const before = await readExperimentRecord(nodeStorage, directory);
  if (before === null) await writeExperimentRecord(nodeStorage, directory, beginRecord(experiment, planned));
  else {
    requireUnchanged(before, experiment, source, directory);
    requirePlanned(before, planned, directory);
  }
  let record = beginRecord(experiment, planned);
  const worker = new Worker(experiment.epochs, options);
  const { rungs = [], keep = 1, by = "loss" } = experiment.successiveHalving ?? {};
  for (const until of [...rungs, experiment.epochs]) {
    const { runs } = record;
    const left = planned.filter(({ name }) => runs.find((run) => run.name === name)?.state !== "stopped");
    const wanted = left.filter(({ name }) => options.only === undefined || name === options.only);
    await Promise.all(options.adapters.map((adapter) => worker.finish(wanted, until, adapter)));
    const outcomes = new Map(
      await Promise.all(left.map(async ({ name }) => [name, await worker.outcomeOf(name)] as const)),
    );
    record = {
      ...record,
      runs: runs.map((run) => {
        const { state, error } = outcomes.get(run.name) ?? run;
        return { ...run, state, error };
      }),
    };
    if (until === experiment.epochs) break;
    const rung = decideRung(await scoresAt(record, directory, until, by), { epochs: until, keep, by });
    record = {
      ...record,
      rungs: [...record.rungs, { ...rung, scores: [...rung.scores], stopped: [...rung.stopped] }],
      runs: record.runs.map((run) => (rung.stopped.includes(run.variant) ? { ...run, state: "stopped" } : run)),
    };
    log(
      `after ${plural(until, "epoch")}: ${rung.stopped.length === 0 ? "all variants" : `all but ${rung.stopped.join(", ")}`} continue`,
    );
  }
  return record;
}

class Worker {
  private readonly started = Date.now();

  constructor(
    private readonly epochs: number,
    private readonly options: WorkerOptions,
  ) {}

  /** Trains what nobody else does, until all of the runs have had so many epochs. */
  async finish(runs: readonly PlannedRun[], until: number, adapter: string | undefined): Promise<void> {
    const { signal } = this.options;
    while (true) {
      let [left, tried] = [0, 0];
      for (const run of runs) {
        signal.throwIfAborted();
        if (await this.isFinished(run.name, until)) continue;
        left++;
        if (await this.claim(run, until, adapter)) tried++;
      }
      if (left === 0) return;
      // A pause that the signal ends has an error of its own.
      if (tried === 0) await sleep(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  /** Undefined where no worker has ended its work on the run. */
  async outcomeOf(name: string): Promise<Outcome | undefined> {
    const path = this.outcomePath(name);
    try {
      return fitJson(await readJson(nodeStorage, path, "record"), outcomeSchema, path);
    } catch (error) {
      if (error instanceof FileReadError && error.missing) return undefined;
      throw error;
    }
  }

  /** Trains a run; false where another worker has it. */
  private async claim(run: PlannedRun, until: number, adapter: string | undefined): Promise<boolean> {
    const { directory, signal, log } = this.options;
    const { name } = run;
    const lock = await this.lock(name);
    if (lock === undefined) return false;
    try {
      // It may have been finished before it was claimed.
      if (await this.isFinished(name, until)) return true;
      const onEpoch = (line: string): void => log(`${name}  ${epochText(line, this.epochs)}`);
      const { state, error } = await trainRun(run, until, this.epochs, adapter, { ...this.options, onEpoch });
      signal.throwIfAborted();
      await lock.check();
      const outcome = { state, error, until, at: Date.now() };
      await writeFileAtomically(nodeStorage, join(directory, `${name}.outcome.json`), `${JSON.stringify(outcome)}\n`);
      if (error !== null) log(`${name}  failed: ${error}`);
      return true;
    } finally {
      await lock.release();
    }
  }

  private async lock(name: string): Promise<FolderLock | undefined> {
    const { directory, signal } = this.options;
    try {
      return await FolderLock.take(join(directory, `${name}.claim`), {
        doing: `trains ${name}`,
        unlock: commandText("unlock", join(directory, name), "--force"),
        signal,
        note: (line) => warn(line),
      });
    } catch (error) {
      if (error instanceof LockError) return undefined;
      throw error;
    }
  }

  /** Whether a run has had so many epochs, or failed since this worker began: what failed before is tried again. */
  private async isFinished(name: string, until: number): Promise<boolean> {
    const outcome = await this.outcomeOf(name);
    if (outcome === undefined || outcome.until < until)
      return outcome?.state === "failed" && outcome.at >= this.started;
    return outcome.state !== "failed" || outcome.at >= this.started;
  }

  private outcomePath(name: string): string {
    return join(this.options.directory, `${name}.outcome.json`);
  }
}
