import type { SliceCache } from "@lobule/data";
import { type Intensities, imageWindow } from "../model/intensities.js";
import { type ChannelIntensities, channelSettings, isByName } from "./channel-settings.js";
import { ConfigError } from "./config-error.js";
import type { TrainingConfig } from "./config-schema.js";
import { foregroundIntensities } from "./foreground-intensities.js";
import { type ResolvedChannel, requireResolvable, resolveWindow, shownWindow } from "./resolve-window.js";

/** Intensities of each channel, and what the user should know of how they were chosen. */
export interface ResolvedIntensities {
  readonly channels: readonly ChannelIntensities[];
  readonly notes: readonly string[];
}

/** Some slices of a run. */
interface Source {
  readonly cache: Pick<SliceCache, "cases" | "values" | "labeled" | "zScores">;
  readonly cases: { readonly training: readonly number[] };
}

/**
 * How the values of each channel of a run's slices become the numbers of its network.
 * @param names of the channels.
 * @param start those of the model whose weights the run begins with: what is normalized by its foreground still is.
 * @throws ConfigError as {@link channelSettings}, {@link resolveWindow} and foregroundIntensities; DataError when an image of
 * which z-scores are made by itself has none.
 */
export async function resolveIntensities(
  config: TrainingConfig,
  source: Source,
  names: readonly string[],
  start?: readonly Intensities[],
): Promise<ResolvedIntensities> {
  const channels: ChannelIntensities[] = [];
  const notes: string[] = [];
  const settings = channelSettings(config, names);
  for (const [index, setting] of settings.entries()) {
    const of = names.length === 1 ? "" : ` in the channel ${setting.name}`;
    const found = await resolveChannel(config, source, { index, of, setting }, start?.[index]);
    channels.push({ name: setting.name, ...found.intensities });
    notes.push(...found.notes);
  }
  if (isByName(config, names)) {
    const kinds = settings.map(({ name, normalization }) => `${name} by ${wordsOf[normalization]}`);
    notes.push(
      `the channels are normalized as nnU-Net does by their names: ${kinds.join(", ")} (--normalization sets another)`,
    );
  }
  return { channels, notes };
}

const wordsOf = { window: "a window", foreground: "its foreground", image: "each image" } as const;

async function resolveChannel(
  config: TrainingConfig,
  source: Source,
  channel: ResolvedChannel,
  start?: Intensities,
): Promise<{ readonly intensities: Intensities; readonly notes: readonly string[] }> {
  const { index, setting } = channel;
  if (setting.normalization === "window") {
    const { window, notes } = await resolveWindow(config, source, channel);
    return { intensities: { window }, notes };
  }
  if (setting.normalization === "image") {
    // Here, so that an image without z-scores is known before the first step.
    for (const number of source.cache.cases.keys()) await source.cache.zScores(number, index);
    const window = start?.normalization?.kind === "image" ? start.window : imageWindow;
    return { intensities: { window, normalization: { kind: "image" } }, notes: [] };
  }
  const given = setting.window === "auto" ? undefined : await shownWindow(config, setting.window, source, channel);
  if (start?.normalization?.kind === "foreground" && given !== undefined) {
    return { intensities: { window: given.window, normalization: start.normalization }, notes: given.notes };
  }
  const { range, mean, deviation } = await foregroundIntensities(config, source, { channel: index });
  const { window, notes } = given ?? { window: range, notes: [] };
  if (!(window[0] < window[1])) {
    throw new ConfigError(
      `${config.data}: 99 % of the voxels with a label hold the value ${window[0]}${channel.of}, to which all others would be clipped; give --window LOW HIGH, or leave out --normalization foreground`,
    );
  }
  requireResolvable(window);
  return { intensities: { window, normalization: { kind: "foreground", mean, deviation } }, notes };
}
