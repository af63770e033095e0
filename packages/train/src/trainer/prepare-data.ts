import {
  DataError,
  type DecathlonTask,
  plural,
  readDecathlon,
  SliceCache,
  type Storage,
  selectCases,
  splitCases,
  splitFold,
} from "@lobule/data";
import { listLabels, sameNames } from "../evaluation/label-mapping.js";
import { cropToBody } from "../model/body-box.js";
import type { ModelCode, ModelDescription } from "../model/model-description.js";
import { networkSpec } from "../model/network-settings.js";
import { nnunetSizes } from "../model/nnunet-settings.js";
import { codeHash } from "../model/trusted-code.js";
import { misfitOfWeights } from "../settings/loss-setting.js";
import { type ChannelIntensities, channelNames, channelSettings } from "./channel-settings.js";
import { ConfigError } from "./config-error.js";
import { referenceCases, type TrainingConfig } from "./config-schema.js";

/** Names of the cases on each side. */
export interface SplitNames {
  readonly training: readonly string[];
  readonly validation: readonly string[];
}

export interface PrepareOptions {
  /** Folder of the decoded slices; can be shared by runs on the same data. */
  readonly cacheDirectory: string;
  /** The split of the run that is resumed. */
  readonly split?: SplitNames;
  /** Names of the classes that the run was begun with; dataset.json must name the same. */
  readonly classes?: readonly string[];
  readonly workers?: number;
  /** Whether to compare what the files hold with their entries in the cache, which takes as long as to decode them. */
  readonly verifyCache?: boolean;
  readonly signal?: AbortSignal;
  readonly onDecoded?: (done: number, total: number, name: string) => void;
}

/** A run's data, ready to be read. */
export interface PreparedData {
  readonly task: DecathlonTask;
  readonly split: SplitNames;
  readonly cache: SliceCache;
  /** Indices of the cases in the cache. */
  readonly cases: { readonly training: readonly number[]; readonly validation: readonly number[] };
  /** What the user should know: cases left out, counts that differ from the reference's. */
  readonly notes: readonly string[];
}

/** Chooses, splits and decodes the cases of a configuration. @throws DataError, ConfigError. */
export async function prepareData(
  storage: Storage,
  config: TrainingConfig,
  options: PrepareOptions,
): Promise<PreparedData> {
  const task = await readTask(storage, config.data, options);
  const notes = [...task.notes];
  const { cases, split } =
    options.split === undefined
      ? await chooseCases(storage, task, config, notes)
      : named(task, options.split, config.data);
  const cache = await SliceCache.open(storage, cases, {
    directory: options.cacheDirectory,
    classes: task.labels.length,
    channels: task.channels,
    ...(options.workers === undefined ? {} : { workers: options.workers }),
    ...(options.verifyCache === undefined ? {} : { verify: options.verifyCache }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.onDecoded === undefined ? {} : { onProgress: options.onDecoded }),
  });
  if (config.crop === "body") {
    const channels = channelSettings(config, channelNames(task));
    await cropToBody(
      cache,
      channels.map(({ normalization }) => normalization === "image"),
      options.signal,
    );
  }
  if (options.verifyCache === true) notes.push(verificationNote(cache));
  notes.push(...cache.notes);
  notes.push(...leakNotes(cache, split), ...foregroundNotes(cache, split, task.labels));
  const numbers = (names: readonly string[]): number[] => {
    const wanted = new Set(names);
    return cache.cases.flatMap(({ name }, i) => (wanted.has(name) ? [i] : []));
  };
  return {
    task,
    split,
    cache,
    notes,
    cases: { training: numbers(split.training), validation: numbers(split.validation) },
  };
}

/** The folder of the configuration, as the run that is resumed knows it. */
async function readTask(storage: Storage, data: string, { split, classes }: PrepareOptions): Promise<DecathlonTask> {
  const task = await readDecathlon(storage, data).catch((error: unknown) => {
    if (split === undefined || !(error instanceof DataError)) throw error;
    throw new DataError(`${error.message}; if the data have moved, name their folder by --data`);
  });
  if (classes !== undefined && !sameNames(classes, task.labels)) {
    throw new ConfigError(
      `the labels in ${data}/dataset.json (${listLabels(task.labels)}) are not those that the run was begun with (${listLabels(classes)}); restore the file, or begin another run`,
    );
  }
  return task;
}

/** Scans that are trained on and validated on: what is measured on them is no held-out figure. */
function leakNotes({ imageHashes }: SliceCache, { training, validation }: SplitNames): string[] {
  const trained = new Map(training.map((name) => [imageHashes.get(name), name]));
  return validation.flatMap((name) => {
    const same = trained.get(imageHashes.get(name));
    return same === undefined
      ? []
      : [`the validation case ${name} has the image of the training case ${same}, so it is not held out`];
  });
}

/** Data of which a network learns to call everything background, or never to call anything one of the classes. */
function foregroundNotes({ cases }: SliceCache, { training }: SplitNames, labels: readonly string[]): string[] {
  const names = new Set(training);
  const casesWith = labels.map((_, label) =>
    cases.filter(({ labelCounts }) => labelCounts.some((counts) => (counts[label] ?? 0) > 0)),
  );
  const lacking = [...labels.keys()].filter(
    (label) => label > 0 && casesWith[label]?.some(({ name }) => names.has(name)) !== true,
  );
  const [background = "background"] = labels;
  if (lacking.length === labels.length - 1) {
    return [`no training case has a label but ${background}, so there is nothing to learn; check the label files`];
  }
  return lacking.map((label) => {
    const others = casesWith[label]?.length ?? 0;
    const where = others === 0 ? "no other case" : `${plural(others, "case")} to validate on`;
    return `no training case has ${labels[label]} (label ${label}), so it is not learned; it is in ${where}`;
  });
}

/** What --verify-cache found. */
function verificationNote({ decoded, reused, corrected }: SliceCache): string {
  const counts = `the slice cache has been compared with the files: ${plural(reused, "entry agrees", "entries agree")}`;
  if (decoded === 0) return counts;
  const fresh = decoded - corrected.length;
  const replaced = corrected.length === 0 ? "" : `; replaced because they held something else: ${corrected.join(", ")}`;
  return `${counts}${fresh === 0 ? "" : `, ${plural(fresh, "was missing and has been made", "were missing and have been made")}`}${replaced}`;
}

/** Settings that say which cases are used, and which of them are held out. */
export const caseSettings = [
  "preset",
  "data",
  "maxSlices",
  "limitCases",
  "trainFraction",
  "splitSeed",
  "seed",
  "fold",
  "validationCases",
] as const satisfies readonly (keyof TrainingConfig)[];
type CaseSetting = (typeof caseSettings)[number];

/** The cases of a task that a configuration is for, by name, and their split. */
export async function chooseCases(
  storage: Storage,
  task: DecathlonTask,
  config: Pick<TrainingConfig, CaseSetting>,
  notes: string[],
) {
  const { maxSlices, limitCases, trainFraction, fold, preset } = config;
  let cases = [...task.cases].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (maxSlices !== null) {
    const selection = await selectCases(storage, task, { maxSlices });
    const kept = new Set(selection.cases.map(({ name }) => name));
    cases = cases.filter(({ name }) => kept.has(name));
    const left = task.cases.length - cases.length;
    if (left > 0) {
      notes.push(
        `${left} of ${plural(task.cases.length, "case")} ${left === 1 ? "has" : "have"} ${plural(maxSlices, "slice")} or more and ${left === 1 ? "is" : "are"} left out`,
      );
    }
  }
  if (limitCases !== null && cases.length > limitCases) {
    cases = cases.slice(0, limitCases);
    notes.push(`only the first ${limitCases} cases are used`);
  }
  const names = cases.map(({ name }) => name);
  const seed = config.splitSeed ?? config.seed;
  const split =
    config.validationCases !== null
      ? splitByNames(names, config.validationCases, config.data)
      : fold === null
        ? splitCases(names, { trainFraction, seed })
        : splitFold(names, fold, seed);
  if (preset !== null) {
    const expected = referenceCases[preset];
    const [training, validation] = [split.training.length, split.validation.length];
    if (training !== expected.training || validation !== expected.validation) {
      notes.push(
        `${plural(training, "case")} to train on and ${validation} to validate on; the reference had ${expected.training} and ${expected.validation}`,
      );
    }
  }
  return { cases, split };
}

/** @throws ConfigError when one of the cases to validate on is not there, or none is left to train on. */
function splitByNames(names: readonly string[], wanted: readonly string[], data: string): SplitNames {
  const held = new Set(wanted);
  const known = new Set(names);
  const strange = wanted.find((name) => !known.has(name));
  if (strange !== undefined) {
    throw new ConfigError(
      `'validationCases' names ${strange}, which is none of the ${plural(names.length, "case")} of ${data} that are used; name cases by their image files, without .nii.gz`,
    );
  }
  const training = names.filter((name) => !held.has(name));
  if (training.length === 0) {
    throw new ConfigError(`'validationCases' names all cases of ${data}, so there is none to train on; name fewer`);
  }
  return { training, validation: names.filter((name) => held.has(name)) };
}

function named(task: DecathlonTask, split: SplitNames, data: string) {
  const known = new Map(task.cases.map((each) => [each.name, each]));
  const names = [...split.training, ...split.validation].sort();
  const cases = names.map((name) => {
    const found = known.get(name);
    if (found === undefined) {
      throw new ConfigError(
        `${data}: the case ${name} of this run's split is not there any more; if the data have moved, name their folder by --data`,
      );
    }
    return found;
  });
  return { cases, split };
}

/**
 * What is saved with the weights.
 * @param channels of the images; the name counts where there are several.
 * @throws ConfigError when the weights of the loss are not as many as the classes.
 */
export function describeModel(
  config: TrainingConfig,
  labels: readonly string[],
  channels: readonly ChannelIntensities[],
  code?: ModelCode,
): ModelDescription {
  const { nnunet } = config;
  const misfit = misfitOfWeights(config.loss, labels);
  if (misfit !== undefined) throw new ConfigError(misfit);
  return {
    version: 1,
    architecture: code !== undefined ? "custom" : nnunet === null ? "UNet" : "NnUNet",
    ...(code === undefined ? {} : { code: codeHash(code.text) }),
    network: networkSpec(config.network),
    ...(nnunet === null ? {} : { nnunet }),
    inputSlices: config.inputSlices,
    classes: [...labels],
    ...(nnunet === null ? { baseFeatures: config.baseFeatures, depth: config.depth } : nnunetSizes(nnunet)),
    ...(config.crop === "none" ? {} : { crop: config.crop }),
    size: config.size,
    ...(config.spacing === null ? {} : { spacing: config.spacing }),
    ...(config.resampling === "linear" ? {} : { resampling: config.resampling }),
    ...(config.patch === null ? {} : { patch: config.patch }),
    ...describedChannels(channels),
    preset: config.preset,
  };
}

/** One channel is described directly, several one by one. */
function describedChannels(channels: readonly ChannelIntensities[]): Partial<ModelDescription> {
  const described = channels.map(({ name, window, normalization }) => ({
    name,
    window: [...window] as [number, number],
    ...(normalization === undefined ? {} : { normalization }),
  }));
  const [{ name: _, ...only } = { name: "" }, ...others] = described;
  return others.length === 0 ? only : { channels: described };
}
