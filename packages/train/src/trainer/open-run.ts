import { DataError, type Storage } from "@lobule/data";
import { StateDictError } from "@lobule/nn";
import { OptimizerStateError } from "@lobule/optim";
import { type Device, warmUp } from "@lobule/tensor";
import { sameJson } from "../json/same-json.js";
import { readCode } from "../model/load-model.js";
import {
  type ModelCode,
  type ModelDescription,
  networkState,
  parseModelDescription,
  requireWeights,
} from "../model/model-description.js";
import { type CodeTrust, codeHash } from "../model/trusted-code.js";
import type { Checkpoint } from "../run/checkpoint.js";
import { lostRecordsNote, missingEpochs } from "../run/epoch-record.js";
import { type MayWrite, RunError, RunFolder } from "../run/run-folder.js";
import { parseTrainingState, type TrainingOutcome, type TrainingState } from "../run/training-state.js";
import type { Workload } from "../run/workload.js";
import { requireOneRun } from "./check-resumed.js";
import { planRun } from "./plan-run.js";
import { describeModel, type PreparedData, type PrepareOptions, prepareData, type SplitNames } from "./prepare-data.js";
import { checkWindow, resolveWindow } from "./resolve-window.js";
import type { RunKeeper } from "./run-keeper.js";
import { readStartModel, requireSameNetwork } from "./start-weights.js";
import { Trainer } from "./trainer.js";
import { ConfigError, parseConfig, type TrainingConfig } from "./training-config.js";
import type { TrainingObserver } from "./training-observer.js";

/** What a run needs besides its configuration. */
export interface RunRequest extends Omit<PrepareOptions, "split" | "cacheDirectory">, CodeTrust {
  /** Holds the run's folder, its data and their slice cache. */
  readonly storage: Storage;
  /** Where the decoded slices of a Decathlon folder are kept. */
  readonly cacheDirectoryOf: (data: string) => string;
  readonly device: Device;
  /** Bytes that a step may take, where that is known: of the machine's memory, where the adapter uses it. */
  readonly memory?: number;
  /** Code of the configuration's own model, where it has one. */
  readonly code?: ModelCode;
  /** Milliseconds; for rates only. */
  readonly now: () => number;
  readonly observer?: TrainingObserver;
  /** Pauses the run once so many epochs are done; see Trainer. */
  readonly pauseAfter?: number;
  /** More epochs than a run that is resumed was begun with; kept in its config.json. */
  readonly epochs?: number;
  /** Where the data of a run that is resumed are now, if they have moved; kept in its config.json. */
  readonly data?: string;
  /** Opens what keeps records of the run besides its folder's, such as `keepReport` of @lobule/report. */
  readonly keeper?: OpenKeeper;
  /** Keeps the run's folder from being written once another process has it; always allowed by default. */
  readonly mayWrite?: MayWrite;
}

/** What records of a run are made of. */
export interface KeptRun {
  readonly folder: RunFolder;
  readonly config: TrainingConfig;
  readonly trainer: Trainer;
  /** Names of the classes, background first. */
  readonly classes: readonly string[];
  readonly note: (text: string) => void;
}

/**
 * Opens what keeps a run's records.
 * @throws what the run is not to begin with, such as FileWriteError where its records cannot be made.
 */
export type OpenKeeper = (run: KeptRun) => Promise<RunKeeper>;

/** What a run is made of. */
export interface PreparedRun {
  readonly config: TrainingConfig;
  readonly model: ModelDescription;
  readonly data: PreparedData;
  readonly trainer: Trainer;
  /** Bytes that a step takes on the device. */
  readonly bytes: number;
}

/** A run that is ready to train. */
export interface OpenRun extends PreparedRun {
  readonly folder: RunFolder;
  /** Trains to the end; see Trainer.run. */
  run(): Promise<TrainingOutcome>;
  /** Closes the slice cache and the run's keeper. */
  close(): Promise<void>;
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
  const prepared = await prepareRun(config, request);
  const { data, trainer } = prepared;
  try {
    const settings = {
      config,
      split: data.split,
      environment,
      ...(request.code === undefined ? {} : { modelCode: request.code.text }),
    };
    const folder = await RunFolder.create(request.storage, directory, settings, request.mayWrite);
    // Who begins a run chose its code, so that it may run again when the run is used.
    if (request.code !== undefined) await request.codeMemory?.remember(codeHash(request.code.text));
    await folder.recordWorkload(workloadOf(data, trainer), config.data);
    return await opened({ ...prepared, folder }, request);
  } catch (error) {
    await data.cache.close();
    throw error;
  }
}

/**
 * Prepares the data and a trainer whose step fits the adapter; nothing is written but the slice cache.
 * @param split of a run that was made before.
 * @throws as startRun.
 */
export async function prepareRun(
  config: TrainingConfig,
  request: RunRequest,
  split?: SplitNames,
): Promise<PreparedRun> {
  checkWindow(config);
  const start = await readStartModel(request.storage, config, request);
  const { compiled } = await compileAhead(config, request);
  request.signal?.throwIfAborted();
  const data = await prepareData(request.storage, config, {
    ...request,
    cacheDirectory: request.cacheDirectoryOf(config.data),
    ...(split === undefined ? {} : { split }),
  });
  try {
    const { window, notes } = await resolveWindow(config, data);
    const model = describeModel(config, data.task.labels, window, request.code);
    if (start !== undefined) requireSameNetwork(model, start);
    const trainer = trainerFor(config, model, data, request);
    await compiled;
    const bytes = await trainer.checkMemory();
    await trainer.makeStartValues();
    if (start !== undefined) trainer.startFrom(start.weights);
    return {
      config,
      model,
      trainer,
      data: { ...data, notes: [...data.notes, ...notes, ...modalityNotes(config, data)] },
      bytes,
    };
  } catch (error) {
    await data.cache.close();
    throw error;
  }
}

/** A preset is made for Hounsfield units, which only CT has. */
const modalityNotes = ({ preset, data }: TrainingConfig, { task: { modality } }: PreparedData): string[] =>
  preset === null || modality.length === 0 || modality.some((name) => /\bCT\b/i.test(name))
    ? []
    : [`the images are ${modality.join(", ")} by ${data}/dataset.json, but the preset ${preset} is for CT`];

/**
 * Plans the run before its volumes are decoded, which can take long, and compiles what it will need while they are. What
 * does not compile is said by who waits for the promise.
 * @throws ConfigError, PlanError, ShapeError, ModelError when a step cannot be, or fits neither adapter nor machine. What
 * is wrong with the data is said, with its own message, by their preparation.
 */
async function compileAhead(
  config: TrainingConfig,
  { storage, device, memory, signal, code }: RunRequest,
): Promise<{ readonly compiled: Promise<void> }> {
  const room = { device, ...(memory === undefined ? {} : { memory }), ...(signal === undefined ? {} : { signal }) };
  const plan = await planRun(storage, config, { kernels: device.kernels, code, room }).catch((error: unknown) => {
    if (error instanceof DataError) return undefined;
    throw error;
  });
  const compiled = plan === undefined ? Promise.resolve() : warmUp(device, plan.programs);
  // Where the data fail first, nobody waits.
  compiled.catch(() => undefined);
  return { compiled };
}

/**
 * Goes on with a run from its last checkpoint, or begins with its first step where it was stopped before it had one.
 * @throws ModelError when its code is not trusted; RunError when the folder is no run or its data hold something else by now; DataError, ConfigError when they
 * are not there any more, ConfigError when the epochs asked for are fewer than before or could not be trained.
 */
export async function resumeRun(directory: string, request: RunRequest): Promise<OpenRun> {
  const folder = await RunFolder.open(request.storage, directory, request.mayWrite);
  const before = parseConfig(folder.config, `${directory}/config.json`);
  const config = {
    ...before,
    ...(request.epochs === undefined ? {} : { epochs: request.epochs }),
    ...(request.data === undefined ? {} : { data: request.storage.absolute(request.data) }),
  };
  requireGrowth(before, config.epochs);
  const last = await folder.loadLast();
  if (last === null) return atFirstStep(folder, before, config, request);
  const { tensors, state } = last;
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
  const code =
    model.code === undefined ? {} : { code: await readCode(request.storage, directory, request, model.code) };
  // The data may have changed since: what hinders the plan is said by their preparation and the trainer.
  const ahead = compileAhead(config, { ...request, ...code }).catch(() => undefined);
  const prepared = await prepareData(request.storage, config, {
    ...request,
    cacheDirectory: request.cacheDirectoryOf(config.data),
    split: folder.split,
    classes: model.classes,
  });
  const data = { ...prepared, notes: [...prepared.notes, ...(await moveNotes(folder, before, config))] };
  try {
    const trainer = trainerFor(config, model, data, { ...request, ...code });
    await (await ahead)?.compiled;
    const bytes = await trainer.checkMemory();
    restore(trainer, training, tensors, source);
    await folder.recordWorkload(workloadOf(data, trainer), config.data);
    if (!sameJson(config, before)) await folder.saveConfig(config);
    await folder.truncateMetrics(training.epoch);
    const noted = lost === undefined ? data : { ...data, notes: [...data.notes, lost] };
    return await opened({ config, model, data: noted, folder, trainer, bytes }, request);
  } catch (error) {
    await data.cache.close();
    throw error;
  }
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

/** A run that was made and has taken no step. */
async function atFirstStep(
  folder: RunFolder,
  before: TrainingConfig,
  config: TrainingConfig,
  request: RunRequest,
): Promise<OpenRun> {
  const code = config.model === null ? {} : { code: await readCode(request.storage, folder.directory, request) };
  const prepared = await prepareRun(config, { ...request, ...code }, folder.split);
  try {
    await folder.recordWorkload(workloadOf(prepared.data, prepared.trainer), config.data);
    if (!sameJson(config, before)) await folder.saveConfig(config);
    return await opened({ ...prepared, folder }, request);
  } catch (error) {
    await prepared.data.cache.close();
    throw error;
  }
}

/**
 * Refuses fewer epochs than a run has.
 * @throws ConfigError when a run of this configuration cannot have so many epochs.
 */
export function requireGrowth({ epochs: before, fastDevRun }: TrainingConfig, epochs: number): void {
  if (epochs < before) {
    throw new ConfigError(
      `the run has ${before} epochs, which may grow and not fall to ${epochs}; to stop it earlier use --pause-after ${epochs}`,
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

const trainerFor = (
  config: TrainingConfig,
  model: ModelDescription,
  data: PreparedData,
  { device, memory, now, signal, observer, code, pauseAfter }: RunRequest,
): Trainer =>
  new Trainer({
    config,
    model,
    device,
    now,
    cache: data.cache,
    cases: data.cases,
    ...(memory === undefined ? {} : { memory }),
    ...(signal === undefined ? {} : { signal }),
    ...(code === undefined ? {} : { code }),
    ...(pauseAfter === undefined ? {} : { pauseAfter }),
    ...(observer === undefined ? {} : { observer }),
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
