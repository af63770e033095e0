import { type Channels, DataError, readDecathlon, type Storage } from "@lobule/data";
import { sameJson } from "../json/same-json.js";
import { channelsOf, type Intensities, isByImage } from "../model/intensities.js";
import { readModel, type SavedModel } from "../model/load-model.js";
import type { ModelDescription } from "../model/model-description.js";
import type { CodeTrust } from "../model/trusted-code.js";
import { ConfigError } from "./config-error.js";
import type { TrainingConfig } from "./config-schema.js";

/** Settings of a run that continues where a model stands: its network, and how slices are prepared for it. */
export const settingsOfModel = ({
  network,
  nnunet,
  inputSlices,
  baseFeatures,
  depth,
  crop,
  size,
  spacing,
  resampling = "linear",
  patch,
  ...intensities
}: ModelDescription): Partial<TrainingConfig> => ({
  ...(nnunet === undefined
    ? { network: { preset: "attention-res-unet", ...network }, baseFeatures, depth }
    : { nnunet: { ...nnunet } }),
  inputSlices,
  crop: crop ?? "none",
  size,
  spacing: spacing ?? null,
  resampling,
  patch: patch ?? null,
  ...settingsOfChannels(channelsOf(intensities)),
});

/** Of one channel a setting, of several lists. */
function settingsOfChannels(channels: Channels<Intensities>): Pick<TrainingConfig, "window" | "normalization"> {
  const windows = channels.map((each): "auto" | [number, number] => (isByImage(each) ? "auto" : [...each.window]));
  const kinds = channels.map(({ normalization }) => normalization?.kind ?? "window");
  const [window = "auto", ...others] = windows;
  const [normalization = "window"] = kinds;
  return others.length === 0 ? { window, normalization } : { window: windows, normalization: kinds };
}

/**
 * The model that a run's network takes its first weights from; undefined where the configuration names none.
 * @throws ModelError when it is not there, damaged, or has code that is not trusted; ConfigError when the data have another
 * number of channels.
 */
export async function readStartModel(
  storage: Storage,
  { init, data }: Pick<TrainingConfig, "init" | "data">,
  trust: CodeTrust,
): Promise<SavedModel | undefined> {
  if (init === null) return undefined;
  const model = await readModel(storage, init, trust);
  // First, since settings of each channel, which the model brings, would not fit the data either.
  const task = await readDecathlon(storage, data).catch((error: unknown) => {
    // What is wrong with the data is said when they are prepared.
    if (error instanceof DataError) return undefined;
    throw error;
  });
  if (task !== undefined) requireSameChannels(model, task.channels);
  return model;
}

function requireSameChannels({ description, source }: SavedModel, own: number): void {
  const other = channelsOf(description).length;
  if (own !== other)
    throw new ConfigError(
      `'init' ${source} is of a network for images of ${counted(other)}, and the data have ${counted(own)}; give data with as many`,
    );
}

/** @throws ConfigError naming what the run's network and that of its first weights do not have in common. */
export function requireSameNetwork(model: ModelDescription, { description, source }: SavedModel): void {
  if (model.architecture === "custom" || description.architecture === "custom") {
    if (model.code === description.code) return;
    throw new ConfigError(`'init' ${source} is of a network with other code than this run's 'model'; give the same`);
  }
  for (const name of ["network", "nnunet", "inputSlices", "baseFeatures", "depth"] as const) {
    const [own, other] = [model[name], description[name]];
    if (sameJson(own, other)) continue;
    throw new ConfigError(
      `'init' ${source} is of a network whose '${name}' is ${JSON.stringify(other)}, and this run's is ${JSON.stringify(own)}; give the same`,
    );
  }
  const [own, other] = [model.classes, description.classes];
  if (own.length !== other.length)
    throw new ConfigError(
      `'init' ${source} tells ${other.length} classes apart (${other.join(", ")}), and the data name ${own.length} (${own.join(", ")}); give data with the same`,
    );
}

const counted = (channels: number): string => (channels === 1 ? "one channel" : `${channels} channels`);
