import { resolve } from "node:path";
import { nodeStorage } from "@lobule/node";
import {
  ConfigError,
  presetOf,
  readModel,
  resolveLayers,
  type SettingsLayer,
  settingsOfModel,
  type TrainingConfig,
} from "@lobule/train";
import { makePlan, type PlanRequest } from "../plan/make-plan.js";
import { interruptible } from "../shared/interruption.js";
import { readSettingsFile, runSettings } from "../shared/settings-file.js";
import { codeTrust } from "../shared/trust-code.js";
import { requireEffect } from "./require-effect.js";
import { asConfig, flagOf, type GivenSetting, type TrainValues } from "./train-options.js";

/** A configuration, and the plan that it was made by, where it was. */
export interface PlannedConfig {
  readonly config: TrainingConfig;
  /** The plan as a YAML file, with its reasons. */
  readonly plan: string | undefined;
}

/**
 * The configuration of a run that is to begin: the preset's settings, or for `auto` those of a plan; over them those of the
 * model it begins with, of the settings file and of the command line.
 * @throws ConfigError, DataError, ModelError naming the option, or the file and its line; with a plan as makePlan.
 */
export async function configFrom(
  args: Pick<TrainValues, "config" | "preset" | "init" | "trustCode" | "cache"> & Pick<PlanRequest, "on">,
  settings: readonly GivenSetting[],
): Promise<PlannedConfig> {
  const file = args.config === undefined ? undefined : await readSettingsFile(args.config, runSettings);
  const { preset: named } = args;
  const auto = named === "auto";
  if (auto && file?.settings.preset != null) {
    throw new ConfigError(`'preset' of ${args.config} names a recipe, and 'auto' plans one; leave one out`);
  }
  const preset = auto ? null : (named ?? presetOf(file?.settings.preset));
  const init = args.init ?? file?.settings.init;
  const start = typeof init === "string" ? await readModel(nodeStorage, init, codeTrust(args)) : undefined;
  const ofModel = start === undefined ? {} : settingsOfModel(start.description);
  const given: readonly SettingsLayer[] = [
    { settings: ofModel, nameOf: flagOf },
    {
      settings: file?.settings ?? {},
      nameOf: (path) => `'${path.join(".")}' of ${args.config}${file?.lineOf(path) ?? ""}`,
    },
    { settings: named === undefined || auto ? {} : { preset: named }, nameOf: () => "PRESET" },
    { settings: asConfig(settings), nameOf: flagOf },
  ];
  const data = given.map((layer) => layer.settings.data).findLast((each) => each !== undefined);
  const plan =
    auto && typeof data === "string"
      ? await interruptible(planWords, (signal) =>
          makePlan({ data: resolve(data), given, cache: args.cache, on: args.on, signal }),
        )
      : undefined;
  const config = resolveLayers(preset, [
    { settings: plan?.settings ?? {}, nameOf: (path) => `'${path.join(".")}' of the plan` },
    ...given,
  ]);
  requireEffect(config, settings);
  const whole = (path: string | null): string | null => (path === null ? null : resolve(path));
  return {
    config: { ...config, data: resolve(config.data), model: whole(config.model), init: whole(config.init) },
    plan: plan?.text,
  };
}

const planWords = { stopping: "stopping", stopped: "interrupted; what was decoded is kept, and nothing was trained" };
