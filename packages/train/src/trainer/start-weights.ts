import type { Storage } from "@lobule/data";
import { sameJson } from "../json/same-json.js";
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
  size,
  spacing,
  patch,
  window,
  normalization,
}: ModelDescription): Partial<TrainingConfig> => ({
  ...(nnunet === undefined
    ? { network: { preset: "attention-res-unet", ...network }, baseFeatures, depth }
    : { nnunet: { ...nnunet } }),
  inputSlices,
  size,
  spacing: spacing ?? null,
  patch: patch ?? null,
  window: normalization?.kind === "image" ? "auto" : window,
  normalization: normalization?.kind ?? "window",
});

/**
 * The model that a run's network takes its first weights from; undefined where the configuration names none.
 * @throws ModelError when it is not there, damaged, or has code that is not trusted.
 */
export const readStartModel = async (
  storage: Storage,
  { init }: Pick<TrainingConfig, "init">,
  trust: CodeTrust,
): Promise<SavedModel | undefined> => (init === null ? undefined : readModel(storage, init, trust));

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
