import { DataError } from "@lobule/data";
import { warmUp } from "@lobule/tensor";
import { alone, type Collective, inTurns, onEveryRank, requireSameFacts } from "../collective/collective.js";
import { channelsOf } from "../model/intensities.js";
import type { ModelDescription } from "../model/model-description.js";
import { channelNames } from "./channel-settings.js";
import { ConfigError } from "./config-error.js";
import type { TrainingConfig } from "./config-schema.js";
import { planRun } from "./plan-run.js";
import { describeModel, type PreparedData, prepareData, type SplitNames } from "./prepare-data.js";
import { resolveIntensities } from "./resolve-intensities.js";
import { checkWindow } from "./resolve-window.js";
import type { RunRequest } from "./run-request.js";
import { readStartModel, requireSameNetwork } from "./start-weights.js";
import { Trainer } from "./trainer.js";

/** What a run is made of. */
export interface PreparedRun {
  readonly config: TrainingConfig;
  readonly model: ModelDescription;
  readonly data: PreparedData;
  readonly trainer: Trainer;
  /** Bytes that a step takes on the device. */
  readonly bytes: number;
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
  const world = worldOf(request);
  const { start, compiled } = await onEveryRank(world, async () => {
    checkWindow(config);
    return {
      start: await readStartModel(request.storage, config, request),
      ...(await compileAhead(config, request)),
    };
  });
  request.signal?.throwIfAborted();
  const data = await inTurns(world, () =>
    prepareData(request.storage, config, {
      ...request,
      cacheDirectory: request.cacheDirectoryOf(config.data),
      ...(split === undefined ? {} : { split }),
    }),
  );
  return closingOnError(data, async () => {
    const prepared = await onEveryRank(world, async () => {
      const names = channelNames(data.task);
      const startChannels = start && channelsOf(start.description);
      const { notes, channels } = await resolveIntensities(config, data, names, startChannels);
      const model = describeModel(config, data.task.labels, channels, request.code);
      if (start !== undefined) requireSameNetwork(model, start);
      const trainer = trainerFor(config, model, data, request);
      await compiled;
      const bytes = await trainer.checkMemory();
      await trainer.makeStartValues();
      if (start !== undefined) trainer.startFrom(start.weights);
      const allNotes = [...data.notes, ...notes, ...modalityNotes(config, data)];
      return { config, model, trainer, data: { ...data, notes: allNotes }, bytes };
    });
    await requireOneRunOnAll(prepared, request);
    return prepared;
  });
}

/** @throws RankError where another rank would train something else. */
export function requireOneRunOnAll({ config, data, model, trainer }: PreparedRun, request: RunRequest): Promise<void> {
  // Where the data are may differ from machine to machine; what they hold may not.
  const { data: _d, model: _m, init: _i, ...settings } = config;
  return requireSameFacts(worldOf(request), {
    ...request.facts,
    ...textsOf(settings),
    ...textsOf({
      code: model.code,
      window: model.window,
      normalization: model.normalization,
      ...(model.channels === undefined ? {} : { channels: model.channels }),
      split: data.split,
      step: trainer.progress.globalStep,
    }),
    "the kernels of a step": trainer.planHash(),
    ...Object.fromEntries([...data.cache.contentHashes].map(([name, hash]) => [`the case ${name}`, hash])),
  });
}

const textsOf = (values: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, JSON.stringify(value) ?? "nothing"]));

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
export async function compileAhead(
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

export const worldOf = ({ world = alone }: RunRequest): Collective => world;

/**
 * The configuration with a part of each batch for every rank.
 * @throws ConfigError where its batches have fewer parts.
 */
export function inParts(config: TrainingConfig, request: RunRequest): TrainingConfig {
  const { size } = worldOf(request);
  const { batch } = config;
  if (size === 1) return config;
  const microBatch = config.microBatch ?? Math.ceil(batch / size);
  const parts = Math.ceil(batch / microBatch);
  if (parts < size) {
    throw new ConfigError(
      `a batch of ${batch} in parts of ${microBatch} has ${parts === 1 ? "one part" : `${parts} parts`}, too few for ${size} processes; start ${parts}, or begin a run with --micro-batch ${Math.max(1, Math.floor(batch / size))}`,
    );
  }
  return { ...config, microBatch };
}

/** Closes the data where the work fails. */
export async function closingOnError<Result>(data: PreparedData, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    await data.cache.close();
    throw error;
  }
}

export const trainerFor = (
  config: TrainingConfig,
  model: ModelDescription,
  data: PreparedData,
  { device, memory, now, signal, observer, code, pauseAfter, world }: RunRequest,
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
    ...(world === undefined ? {} : { world }),
  });
