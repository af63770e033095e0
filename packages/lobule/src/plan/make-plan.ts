import { totalmem } from "node:os";
import { DataError, readDecathlon, SliceCache } from "@lobule/data";
import { adapterChoice, nodeStorage } from "@lobule/node";
import { type Device, PlanError } from "@lobule/tensor";
import {
  type Choice,
  caseSettings,
  chooseCases,
  choosePlan,
  type DataFacts,
  mergeSettings,
  planRun,
  readDataFacts,
  resolveLayers,
  type SettingsLayer,
  smallerBatches,
  type TrainingConfig,
  unknownFacts,
} from "@lobule/train";
import { openDevice, quietly } from "../shared/open-device.js";
import { progress } from "../shared/progress.js";
import { compileModel } from "../train/compile-model.js";
import { sliceCacheFolder } from "../train/slice-cache-folder.js";
import { asSettings, planText } from "./plan-text.js";

/** What a plan is made for. */
export interface PlanRequest {
  /** Full path of the Decathlon folder. */
  readonly data: string;
  /** Settings that the plan leaves as they are; the later layers count more. */
  readonly given: readonly SettingsLayer[];
  readonly cache: string | undefined;
  /** A GPU that is not here; the adapter at hand by default. */
  readonly on?: "h200" | undefined;
  readonly signal?: AbortSignal;
}

/** A plan, as settings and as the file that a person reads. */
export interface Plan {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/**
 * Reads a data set, into the slice cache where a run finds it, and plans a training on it for this machine's adapter, or for
 * a GPU that is not here, on which it is not tried whether the batch fits.
 * @throws DataError, ConfigError as a run does, DataError where there is nothing to learn; PlanError where not even a batch
 * of one slice fits the adapter.
 */
export async function makePlan({ data, given: layers, cache, on, signal }: PlanRequest): Promise<Plan> {
  const all = [{ settings: { data }, nameOf: () => "DIR" }, ...layers];
  const given = layers.map(({ settings }) => settings).reduce(mergeSettings, {});
  const task = await readDecathlon(nodeStorage, data);
  const { cases } = await chooseCases(nodeStorage, task, resolveLayers(null, all.map(ofCases)), []);
  const { kind, name } = on === undefined ? await quietly(adapterChoice) : ({ kind: "gpu", name: "an H200" } as const);
  const software = kind !== "gpu";
  const chosen = (facts: DataFacts): Choice[] => choosePlan({ facts, modality: task.modality, software, given });
  // What does not go together is told before volumes are decoded, which takes long.
  resolved(chosen(unknownFacts), given, all);
  const bar = progress("decoding");
  const opened = await SliceCache.open(nodeStorage, cases, {
    directory: cache ?? (await sliceCacheFolder())(data),
    classes: task.labels.length,
    channels: task.channels,
    onProgress: bar.update,
    ...(signal === undefined ? {} : { signal }),
  }).finally(bar.end);
  const facts = await readDataFacts(opened, task.labels, signal).finally(() => opened.close());
  if (facts.foregroundSlices === 0) {
    throw new DataError(
      `the labels of ${data} hold nothing but ${task.labels[0] ?? "background"}, so there is nothing to learn; check the label files, or the 'labels' of its dataset.json`,
    );
  }
  const resolve = (choices: readonly Choice[]): TrainingConfig => resolved(choices, given, all);
  const choices = on === undefined ? await fittedHere(chosen(facts), resolve, software) : chosen(facts);
  return {
    settings: asSettings(choices, given),
    text: planText({ name: task.name, data, adapter: name, facts, choices, given }),
  };
}

/** A layer, but for what says nothing of the cases. */
const ofCases = ({ settings, nameOf }: SettingsLayer): SettingsLayer => ({
  settings: Object.fromEntries(Object.entries(settings).filter(([key]) => caseSettings.some((each) => each === key))),
  nameOf,
});

/** The configuration that a plan and what is given make. @throws ConfigError. */
const resolved = (
  choices: readonly Choice[],
  given: Readonly<Record<string, unknown>>,
  layers: readonly SettingsLayer[],
): TrainingConfig =>
  resolveLayers(null, [
    { settings: asSettings(choices, given), nameOf: (path) => `'${path.join(".")}' of the plan` },
    ...layers,
  ]);

/** The choices, with the largest batch that fits the adapter at hand. */
async function fittedHere(
  choices: readonly Choice[],
  resolve: (choices: readonly Choice[]) => TrainingConfig,
  software: boolean,
): Promise<readonly Choice[]> {
  const device = await openDevice();
  const room = { device, ...(software ? { memory: totalmem() } : {}) };
  return fitted(choices, resolve, room).finally(() => device.destroy());
}

/** The choices, with the largest batch that fits an adapter where the batch is the plan's to choose. */
async function fitted(
  choices: readonly Choice[],
  resolve: (choices: readonly Choice[]) => TrainingConfig,
  room: { readonly device: Device; readonly memory?: number },
): Promise<readonly Choice[]> {
  const config = resolve(choices);
  const batch = choices.find(({ setting }) => setting[0] === "batch");
  if (batch === undefined) return choices;
  const model = config.model === null ? undefined : await compileModel(config.model);
  const smaller = smallerBatches(config.batch).filter((each) => each >= (config.microBatch ?? 1));
  const tried = [config.batch, ...smaller];
  for (const [i, value] of tried.entries()) {
    const reason = value === batch.value ? batch.reason : `${batch.reason} ${tried[0]} do not fit this adapter.`;
    const changed = choices.map((each) => (each === batch ? { ...batch, value, reason } : each));
    try {
      await planRun(nodeStorage, resolve(changed), { kernels: room.device.kernels, code: model, room });
      return changed;
    } catch (error) {
      if (!(error instanceof PlanError) || i === tried.length - 1) throw error;
    }
  }
  return choices;
}
