import type { SliceCache } from "@lobule/data";
import { type Intensities, imageWindow } from "../model/intensities.js";
import { ConfigError } from "./config-error.js";
import type { TrainingConfig } from "./config-schema.js";
import { foregroundIntensities } from "./foreground-intensities.js";
import { requireResolvable, resolveWindow, shownWindow } from "./resolve-window.js";

/** Intensities, and what the user should know of how they were chosen. */
export interface ResolvedIntensities extends Intensities {
  readonly notes: readonly string[];
}

/** Some slices of a run. */
interface Source {
  readonly cache: Pick<SliceCache, "cases" | "values" | "labeled" | "zScores">;
  readonly cases: { readonly training: readonly number[] };
}

/**
 * How the values of a run's slices become the numbers of its network.
 * @param start those of the model whose weights the run begins with: what is normalized by its foreground still is.
 * @throws ConfigError as {@link resolveWindow} and foregroundIntensities; DataError when an image of which z-scores are made
 * by itself has none.
 */
export async function resolveIntensities(
  config: TrainingConfig,
  source: Source,
  start?: Intensities,
): Promise<ResolvedIntensities> {
  if (config.normalization === "window") return resolveWindow(config, source);
  if (config.normalization === "image") {
    // Here, so that an image without z-scores is known before the first step.
    for (const number of source.cache.cases.keys()) await source.cache.zScores(number);
    const window = start?.normalization?.kind === "image" ? start.window : imageWindow;
    return { window, normalization: { kind: "image" }, notes: [] };
  }
  const given = config.window === "auto" ? undefined : await shownWindow(config, config.window, source);
  if (start?.normalization?.kind === "foreground" && given !== undefined) {
    return { ...given, normalization: start.normalization };
  }
  const { range, mean, deviation } = await foregroundIntensities(config, source);
  const { window, notes } = given ?? { window: range, notes: [] };
  if (!(window[0] < window[1])) {
    throw new ConfigError(
      `${config.data}: 99 % of the voxels with a label hold the value ${window[0]}, to which all others would be clipped; give --window LOW HIGH, or leave out --normalization foreground`,
    );
  }
  requireResolvable(window);
  return { window, normalization: { kind: "foreground", mean, deviation }, notes };
}
