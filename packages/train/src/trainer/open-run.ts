import { plural } from "@lobule/data";
import { StateDictError } from "@lobule/nn";
import { OptimizerStateError } from "@lobule/optim";
import { inTurns, onEveryRank } from "../collective/collective.js";
import { sameJson } from "../json/same-json.js";
import { readCode } from "../model/load-model.js";
import { networkState, parseModelDescription, requireWeights } from "../model/model-description.js";
import { codeHash } from "../model/trusted-code.js";
import type { Checkpoint } from "../run/checkpoint.js";
import { lostRecordsNote, missingEpochs } from "../run/epoch-record.js";
import { RunError, RunFolder } from "../run/run-folder.js";
import { parseTrainingState, type TrainingOutcome, type TrainingState } from "../run/training-state.js";
import type { Workload } from "../run/workload.js";
import { requireOneRun } from "./check-resumed.js";
import { ConfigError } from "./config-error.js";
import type { TrainingConfig } from "./config-schema.js";
import { type PreparedData, prepareData } from "./prepare-data.js";
import {
  closingOnError,
  compileAhead,
  inParts,
  type PreparedRun,
  prepareRun,
  requireOneRunOnAll,
  trainerFor,
  worldOf,
} from "./prepare-run.js";
import type { RunRequest } from "./run-request.js";
import type { Trainer } from "./trainer.js";
import { parseConfig } from "./training-config.js";

/** A run that this process helps to train. */
export interface JoinedRun extends PreparedRun {
  /** Trains to the end; see Trainer.run. */
  run(): Promise<TrainingOutcome>;
  /** Closes the slice cache and the run's keeper. */
  close(): Promise<void>;
}

/** A run that is ready to train, and is written by this process. */
export interface OpenRun extends JoinedRun {
  readonly folder: RunFolder;
}

/**
 * Prepares the data, checks that a step fits the adapter, and makes the run's folder.
 * @param environment what ran where, for environment.json: adapter, versions.
 * @throws DataError, ConfigError, PlanError, RunError; nothing is written then but the slice cache.
 */
export async function startRun(
  config: TrainingConfig,
  directory: string,
  environment: Readonly<Record<string, unknown>>,
  request: RunRequest,
): Promise<OpenRun> {
  const prepared = await prepareRun(inParts(config, request), request);
  const { data, trainer } = prepared;
  return closingOnError(data, () =>
    onEveryRank(worldOf(request), async () => {
      const settings = {
        config: prepared.config,
        split: data.split,
        environment,
        ...(request.code === undefined ? {} : { modelCode: request.code.text }),
      };
      const folder = await RunFolder.create(request.storage, directory, settings, request.mayWrite);
      // Who begins a run chose its code, so that it may run again when the run is used.
      if (request.code !== undefined) await request.codeMemory?.remember(codeHash(request.code.text));
      await folder.recordWorkload(workloadOf(data, trainer), config.data);
      return opened({ ...prepared, folder }, request);
    }),
  );
}

/**
 * Joins the training of a run that rank 0 of `request.world` starts or resumes at the same time; nothing is written but the slice
 * cache.
 * @param run the configuration of one that is started, the folder of one that is resumed.
 * @throws as startRun and resumeRun; RankError where another rank does not get so far, or differs from rank 0.
 */
export async function joinRun(run: TrainingConfig | string, request: RunRequest): Promise<JoinedRun> {
  const prepared =
    typeof run === "string"
      ? (await reopened(run, request)).prepared
      : await prepareRun(inParts(run, request), request);
  const { data, trainer } = prepared;
  // What rank 0 writes now.
  await closingOnError(data, () => onEveryRank(worldOf(request), async () => undefined));
  return { ...prepared, run: () => trainer.run(undefined), close: () => data.cache.close() };
}

/**
 * Goes on with a run from its last checkpoint, or begins with its first step where it was stopped before it had one.
 * @throws ModelError when its code is not trusted; RunError when the folder is no run or its data hold something else by now; DataError, ConfigError when they
 * are not there any more, ConfigError when the epochs asked for are fewer than before or could not be trained.
 */
export async function resumeRun(directory: string, request: RunRequest): Promise<OpenRun> {
  const { folder, before, prepared, epoch } = await reopened(directory, request);
  const { config, data, trainer } = prepared;
  return closingOnError(data, () =>
    onEveryRank(worldOf(request), async () => {
      await folder.recordWorkload(workloadOf(data, trainer), config.data);
      if (!sameJson(config, before)) await folder.saveConfig(config);
      if (epoch !== null) await folder.truncateMetrics(epoch);
      return opened({ ...prepared, folder }, request);
    }),
  );
}

/** A run that is about to be resumed; nothing has been written. */
interface ReopenedRun {
  readonly folder: RunFolder;
  /** The configuration before this time's changes. */
  readonly before: TrainingConfig;
  readonly prepared: PreparedRun;
  /** Epochs that its checkpoint has seen; null where it has none. */
  readonly epoch: number | null;
}

/** @throws as resumeRun. */
async function reopened(directory: string, request: RunRequest): Promise<ReopenedRun> {
  const world = worldOf(request);
  const { folder, before, config, last, code } = await onEveryRank(world, () => readRun(directory, request));
  const withCode = { ...request, ...code };
  if (last === null) {
    return { folder, before, prepared: await prepareRun(config, withCode, folder.split), epoch: null };
  }
  const { model, training, tensors, source, notes } = last;
  // The data may have changed since: what hinders the plan is said by their preparation and the trainer.
  const ahead = compileAhead(config, withCode).catch(() => undefined);
  const read = await inTurns(world, () =>
    prepareData(request.storage, config, {
      ...request,
      cacheDirectory: request.cacheDirectoryOf(config.data),
      split: folder.split,
      classes: model.classes,
    }),
  );
  return closingOnError(read, async () => {
    const prepared = await onEveryRank(world, async () => {
      const data = { ...read, notes: [...read.notes, ...(await moveNotes(folder, before, config)), ...notes] };
      const trainer = trainerFor(config, model, data, withCode);
      await (await ahead)?.compiled;
      const bytes = await trainer.checkMemory();
      restore(trainer, training, tensors, source);
      return { config, model, data, trainer, bytes };
    });
    await requireOneRunOnAll(prepared, request);
    return { folder, before, prepared, epoch: training.epoch };
  });
}

/** What the folder of a run has, checked. @throws as resumeRun. */
async function readRun(directory: string, request: RunRequest) {
  const folder = await RunFolder.open(request.storage, directory, request.mayWrite);
  const before = parseConfig(folder.config, `${directory}/config.json`);
  const config = inParts(
    {
      ...before,
      ...(request.epochs === undefined ? {} : { epochs: request.epochs }),
      ...(request.data === undefined ? {} : { data: request.storage.absolute(request.data) }),
    },
    request,
  );
  if (config.microBatch !== before.microBatch) {
    throw new ConfigError(
      `the run in ${directory} was begun with whole batches, which several processes cannot share; resume it with one, or begin another`,
    );
  }
  requireGrowth(before, config.epochs);
  const loaded = await folder.loadLast();
  const codeOf = async (hash?: string) => ({ code: await readCode(request.storage, directory, request, hash) });
  if (loaded === null) {
    return { folder, before, config, last: null, code: config.model === null ? {} : await codeOf() };
  }
  const { tensors, state } = loaded;
  const source = folder.checkpointPath("last");
  const model = parseModelDescription(state.model, source);
  const training = parseTrainingState(state.training, source);
  if (config.epochs !== before.epochs && training.finished === "early stopping") {
    throw new ConfigError(
      `the run ended by early stopping after epoch ${training.epoch}, so more epochs would not be trained; begin a new run with a larger 'earlyStopping.patience'`,
    );
  }
  requireWeights(model, networkState(tensors), source);
  const records = await folder.readMetrics();
  requireOneRun({ config, model, state: training, tensors, records }, source);
  const lost = lostRecordsNote(missingEpochs(records, training.epoch), `${directory}/metrics.jsonl`);
  const notes = lost === undefined ? [] : [lost];
  const code = model.code === undefined ? {} : await codeOf(model.code);
  return { folder, before, config, last: { model, training, tensors, source, notes }, code };
}

/** @throws RunError naming the checkpoint when its tensors are not those of the network and the optimizer. */
function restore(trainer: Trainer, state: TrainingState, tensors: Checkpoint["tensors"], source: string): void {
  try {
    trainer.restore(state, tensors);
  } catch (error) {
    if (!(error instanceof StateDictError || error instanceof OptimizerStateError)) throw error;
    const what = error.message.replaceAll(/\s*\n\s*/g, " ");
    throw new RunError(`${source} does not fit the rest of its run: ${what}`);
  }
}

/** Says that a run's data are elsewhere now, and whether that could be checked. */
async function moveNotes(folder: RunFolder, before: TrainingConfig, { data }: TrainingConfig): Promise<string[]> {
  if (data === before.data) return [];
  const checked = (await folder.readWorkload()) !== null;
  return [
    checked
      ? `the run's data are in ${data} now, with the cases that were in ${before.data}`
      : `it cannot be checked that ${data} holds what ${before.data} held, since a run of an older version has no workload.json`,
  ];
}

/**
 * Refuses fewer epochs than a run has.
 * @throws ConfigError when a run of this configuration cannot have so many epochs.
 */
export function requireGrowth({ epochs: before, fastDevRun }: TrainingConfig, epochs: number): void {
  if (epochs < before) {
    throw new ConfigError(
      `the run has ${plural(before, "epoch")}, which may grow and not fall to ${epochs}; to stop it earlier use --pause-after ${epochs}`,
    );
  }
  if (fastDevRun && epochs !== before) {
    throw new ConfigError("a run of --fast-dev-run has one epoch; begin a new run for more");
  }
}

const workloadOf = (data: PreparedData, trainer: Trainer): Workload => ({
  cases: Object.fromEntries(data.cache.contentHashes),
  images: Object.fromEntries(data.cache.imageHashes),
  modality: [...data.task.modality],
  step: trainer.stepCost(),
});

async function opened(
  parts: Omit<OpenRun, "run" | "close">,
  { keeper: openKeeper, observer }: RunRequest,
): Promise<OpenRun> {
  const { config, folder, trainer, model, data } = parts;
  const keeper = await openKeeper?.({
    folder,
    config,
    trainer,
    classes: model.classes,
    note: (text) => observer?.note?.(text),
  });
  return {
    ...parts,
    run: async () => {
      await keeper?.begun();
      try {
        const outcome = await trainer.run(folder, keeper);
        await keeper?.ended(outcome);
        return outcome;
      } catch (error) {
        await keeper?.ended({ error: error instanceof Error ? error.message : String(error) });
        throw error;
      }
    },
    close: async () => {
      await keeper?.close();
      await data.cache.close();
    },
  };
}
