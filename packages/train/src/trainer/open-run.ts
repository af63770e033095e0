import type { Device } from "@lobule/tensor";
import { type ModelDescription, parseModelDescription } from "../model/model-description.js";
import { RunFolder } from "../run/run-folder.js";
import { describeModel, type PreparedData, type PrepareOptions, prepareData, resolveWindow } from "./prepare-data.js";
import { Trainer, type TrainingObserver } from "./trainer.js";
import { parseConfig, type TrainingConfig } from "./training-config.js";
import { parseTrainingState } from "./training-state.js";

/** What a run needs besides its configuration. */
export interface RunRequest extends Omit<PrepareOptions, "split" | "cacheDirectory"> {
  /** Where the decoded slices of a Decathlon folder are kept. */
  readonly cacheDirectoryOf: (data: string) => string;
  readonly device: Device;
  /** Milliseconds; for rates only. */
  readonly now: () => number;
  readonly observer?: TrainingObserver;
}

/** A run that is ready to train. Close its cache when done: `data.cache.close()`. */
export interface OpenRun {
  readonly config: TrainingConfig;
  readonly model: ModelDescription;
  readonly data: PreparedData;
  readonly folder: RunFolder;
  readonly trainer: Trainer;
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
  const data = await prepareData(config, { ...request, cacheDirectory: request.cacheDirectoryOf(config.data) });
  try {
    const model = describeModel(config, data.task.labels, await resolveWindow(config, data));
    const open = (folder: RunFolder): OpenRun => ({
      ...{ config, model, data, folder },
      trainer: new Trainer({ ...request, config, model, cache: data.cache, cases: data.cases, folder }),
    });
    const folder = await RunFolder.create(directory, { config, split: data.split, environment });
    return open(folder);
  } catch (error) {
    await data.cache.close();
    throw error;
  }
}

/**
 * Goes on with a run from its last checkpoint.
 * @throws RunError when the folder is no run; DataError, ConfigError when its data are not there any more.
 */
export async function resumeRun(directory: string, request: RunRequest): Promise<OpenRun> {
  const folder = await RunFolder.open(directory);
  const config = parseConfig(folder.config, `${directory}/config.json`);
  const { tensors, state } = await folder.loadCheckpoint("last");
  const source = folder.checkpointPath("last");
  const model = parseModelDescription(state.model, source);
  const training = parseTrainingState(state.training, source);
  const data = await prepareData(config, {
    ...request,
    cacheDirectory: request.cacheDirectoryOf(config.data),
    split: folder.split,
  });
  try {
    const trainer = new Trainer({ ...request, config, model, cache: data.cache, cases: data.cases, folder });
    trainer.restore(training, tensors);
    await folder.truncateMetrics(training.epoch);
    return { config, model, data, folder, trainer };
  } catch (error) {
    await data.cache.close();
    throw error;
  }
}
