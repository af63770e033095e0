import type { Window } from "@lobule/data";
import type { Intensities, normalizationKinds } from "../model/intensities.js";
import { ConfigError } from "./config-error.js";
import type { TrainingConfig } from "./config-schema.js";

/** A way to turn the values of a channel into a network's numbers. */
type NormalizationKind = (typeof normalizationKinds)[number];
type ChannelWindow = "auto" | Window;

/** What a configuration says of one channel. */
export interface ChannelSetting {
  readonly name: string;
  readonly window: ChannelWindow;
  readonly normalization: NormalizationKind;
}

/** How the values of a channel become a network's numbers. */
export interface ChannelIntensities extends Intensities {
  readonly name: string;
}

type Chosen = Pick<TrainingConfig, "data" | "window" | "normalization">;

/** Names of the channels of a data set, as many as there are; those without one are numbered. */
export const channelNames = ({
  modality,
  channels,
}: {
  readonly modality: readonly string[];
  readonly channels: number;
}): string[] => Array.from({ length: channels }, (_, channel) => modality[channel] ?? String(channel));

/**
 * What a configuration says of each channel. A single window or normalization is that of all channels; of several channels of
 * which nothing is said, one that is named CT is normalized by its foreground, and each other one by each image.
 *
 * Source of the rule: nnU-Net v2, documentation/dataset_format.md, channel_names.
 * @throws ConfigError when a list is not of as many as there are channels, or a window would have no effect.
 */
export function channelSettings(config: Chosen, names: readonly string[]): readonly ChannelSetting[] {
  const { normalization: kind } = config;
  const windows = ofEach("window", windowsOf(config.window), config, names);
  const kinds = ofEach("normalization", typeof kind === "string" ? [kind] : kind, config, names);
  const byName = isByName(config, names);
  return names.map((name, channel) => {
    const window = windows[channel] ?? "auto";
    const normalization = byName ? normalizationByName(name) : (kinds[channel] ?? "window");
    if (normalization === "image" && window !== "auto") {
      throw new ConfigError(
        `the window ${window.join(" ")} has no effect on the channel ${name}, whose z-scores are made by each image's own mean and standard deviation; leave one out`,
      );
    }
    return { name, window, normalization };
  });
}

/** Whether the names of several channels say how each is normalized, since the configuration does not. */
export const isByName = ({ window, normalization }: Chosen, { length }: readonly string[]): boolean =>
  length > 1 && window === "auto" && normalization === "window";

/** How nnU-Net normalizes a channel of this name. */
export const normalizationByName = (name: string): NormalizationKind =>
  name.trim().toLowerCase() === "ct" ? "foreground" : "image";

/** The windows of a setting: one of all channels, or one of each. */
export const windowsOf = (window: TrainingConfig["window"]): readonly ChannelWindow[] =>
  isWindow(window) ? [window] : window;

const isWindow = (value: TrainingConfig["window"]): value is "auto" | [number, number] =>
  value === "auto" || typeof value[0] === "number";

/** A setting of each channel, by one of all or a list. @throws ConfigError when the list is of another length. */
function ofEach<Each>(
  setting: "window" | "normalization",
  given: readonly Each[],
  { data }: Chosen,
  names: readonly string[],
): readonly Each[] {
  const [all, ...others] = given;
  if (all !== undefined && others.length === 0) return names.map(() => all);
  if (given.length === names.length) return given;
  throw new ConfigError(
    `'${setting}' is given for ${given.length} channels, and the images of ${data} have ${names.length === 1 ? "one" : `${names.length} (${names.join(", ")})`}; give one for each, or one for all`,
  );
}
