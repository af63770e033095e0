import { resolve } from "node:path";
import { nodeStorage } from "@lobule/node";
import { presetOf, readModel, resolveLayers, settingsOfModel, type TrainingConfig } from "@lobule/train";
import { readSettingsFile, runSettings } from "../shared/settings-file.js";
import { codeTrust } from "../shared/trust-code.js";
import { requireEffect } from "./require-effect.js";
import { asConfig, flagOf, type GivenSetting, type TrainValues } from "./train-options.js";

/**
 * The configuration of a run that is to begin: the preset's settings, over them those of the model it begins with, of the
 * settings file and of the command line.
 * @throws ConfigError, DataError, ModelError naming the option, or the file and its line.
 */
export async function configFrom(
  args: Pick<TrainValues, "config" | "preset" | "init" | "trustCode">,
  settings: readonly GivenSetting[],
): Promise<TrainingConfig> {
  const file = args.config === undefined ? undefined : await readSettingsFile(args.config, runSettings);
  const preset = args.preset ?? presetOf(file?.settings.preset);
  const init = args.init ?? file?.settings.init;
  const start = typeof init === "string" ? await readModel(nodeStorage, init, codeTrust(args)) : undefined;
  const config = resolveLayers(preset, [
    { settings: start === undefined ? {} : settingsOfModel(start.description), nameOf: flagOf },
    {
      settings: file?.settings ?? {},
      nameOf: (path) => `'${path.join(".")}' of ${args.config}${file?.lineOf(path) ?? ""}`,
    },
    { settings: args.preset === undefined ? {} : { preset }, nameOf: () => "PRESET" },
    { settings: asConfig(settings), nameOf: flagOf },
  ]);
  requireEffect(config, settings);
  const whole = (path: string | null): string | null => (path === null ? null : resolve(path));
  return { ...config, data: resolve(config.data), model: whole(config.model), init: whole(config.init) };
}
