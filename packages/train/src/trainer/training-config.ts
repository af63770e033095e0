import {
  type DescribedSetting,
  describeSettings,
  formsAt,
  formText,
  type SettingSchema,
  settingProblem,
  settingSchemaOf,
} from "@lobule/data";
import { networkSpec } from "../model/network-settings.js";
import { checkSettings, type NameOf } from "./check-settings.js";
import { ConfigError } from "./config-error.js";
import {
  defaults,
  type PresetName,
  presetNames,
  presetSettings,
  presets,
  type TrainingConfig,
  trainingConfig,
} from "./config-schema.js";
import { requireEffects } from "./idle-settings.js";

/** Settings that the configurations of earlier versions lack; those runs had what is the default. */
const addedLater: readonly string[] = [
  "recompute",
  "splitSeed",
  "fold",
  "validationCases",
  "crop",
  "spacing",
  "resampling",
  "patch",
  "normalization",
  "inputSlices",
  "model",
  "network",
  "nnunet",
  "init",
  "loss",
  "optimizer",
  "clipNorm",
  "ema",
  "oversample",
  "oversampleBy",
  "stepsPerEpoch",
];

type Plain = Readonly<Record<string, unknown>>;
const isPlain = (value: unknown): value is Plain =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Settings of `over` laid over those of `under`, group by group. A group of another kind takes the place of the whole. */
export function mergeSettings(under: Plain, over: Plain): Plain {
  const result: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const before = result[key];
    const sameKind = isPlain(before) && isPlain(value) && (value.kind === undefined || value.kind === before.kind);
    result[key] = sameKind ? mergeSettings(before, value) : value;
  }
  return result;
}

/** Settings of one origin. */
export interface SettingsLayer {
  readonly settings: Plain;
  readonly nameOf: NameOf;
}

/** How many keys of a path a layer has. */
function depthOf(settings: Plain, [key, ...rest]: readonly PropertyKey[]): number {
  const inner = key === undefined ? undefined : settings[String(key)];
  if (inner === undefined) return 0;
  return 1 + (isPlain(inner) ? depthOf(inner, rest) : 0);
}

/**
 * @throws ConfigError where a group of the first layer above is of another kind than that of the layers under it, so that
 * something they give which the other kind has too would be lost in silence: no layer above gives it again.
 */
function requireKept(
  start: Plain,
  under: readonly SettingsLayer[],
  above: readonly [SettingsLayer, ...(readonly SettingsLayer[])],
  config: Plain,
): void {
  const [{ settings, nameOf }] = above;
  const before = under.map((layer) => layer.settings).reduce(mergeSettings, start);
  const originOf = (layers: readonly SettingsLayer[], path: readonly string[]): SettingsLayer | undefined =>
    layers.findLast((layer) => depthOf(layer.settings, path) === path.length);
  for (const [group, own] of Object.entries(settings)) {
    const [old, kept] = [before[group], config[group]];
    if (!isPlain(own) || !isPlain(old) || !isPlain(kept) || own.kind === undefined || own.kind === old.kind) continue;
    for (const [key, value] of Object.entries(old)) {
      const origin = originOf(under, [group, key]);
      if (origin === undefined || originOf(above, [group, key]) !== undefined) continue;
      if (!(key in kept) || JSON.stringify(value) === JSON.stringify(kept[key])) continue;
      throw new ConfigError(
        `${origin.nameOf([group, key])} would be lost, for ${nameOf([group, "kind"])} takes the place of the whole; give ${nameOf([group, key])} too`,
      );
    }
  }
}

/**
 * A complete configuration: the preset's settings, over them those of each layer.
 * @throws ConfigError naming the first setting that does not fit as the layer calls it from which it came.
 */
export function resolveLayers(preset: PresetName | null, layers: readonly SettingsLayer[]): TrainingConfig {
  const normalization = layers.map(({ settings }) => settings.normalization).findLast((each) => each !== undefined);
  // The window of a preset is of HU, and says nothing of images that are normalized by themselves.
  const start: Plain = { ...presetSettings(preset), ...(normalization === "image" ? { window: "auto" } : {}) };
  const nameOf: NameOf = (path) => {
    const depths = layers.map(({ settings }) => depthOf(settings, path));
    const origin = layers[depths.lastIndexOf(Math.max(...depths))];
    return origin?.nameOf(path) ?? quotedName(path);
  };
  const config = checked(layers.map(({ settings }) => settings).reduce(mergeSettings, start), nameOf);
  layers.forEach((layer, index) => {
    requireKept(start, layers.slice(0, index), [layer, ...layers.slice(index + 1)], { ...config });
  });
  requireEffects(config, nameOf);
  return config;
}

/** {@link resolveLayers} of settings without an origin. */
export const resolveConfig = (preset: PresetName | null, ...layers: readonly Plain[]): TrainingConfig =>
  resolveLayers(
    preset,
    layers.map((settings) => ({ settings, nameOf: quotedName })),
  );

const quotedName: NameOf = (path) => `'${path.join(".")}'`;

/**
 * The configuration of a run, which has every setting but those that came later than it.
 * @throws ConfigError naming `source` and the first setting that does not fit.
 */
export function parseConfig(value: unknown, source: string): TrainingConfig {
  const nameOf: NameOf = (path) => (path.length === 0 ? source : `${source}: ${quotedName(path)}`);
  const missing = isPlain(value)
    ? Object.keys(trainingConfig.shape).find((key) => !(key in value) && !addedLater.includes(key))
    : undefined;
  if (missing !== undefined) {
    throw new ConfigError(`${nameOf([missing])} is missing; it needs ${formText(formsOfSetting([missing]))}`);
  }
  return checked(value, nameOf);
}

const configForm = settingSchemaOf(trainingConfig);

/** What a file of settings must look like, for editors: JSON schema. Each may be left out. */
export const settingsFileSchema = (): SettingSchema => settingSchemaOf(trainingConfig.partial({ data: true }));

/** Every setting, in the schema's order. */
export const describedSettings: readonly DescribedSetting[] = describeSettings(configForm);

/** What a setting does. @throws RangeError where there is none of that path. */
export function descriptionOf(path: readonly string[]): string {
  return described(path).description;
}

const valueText = (value: unknown): string => (Array.isArray(value) ? value.join(" ") : String(value));

/**
 * The default of a setting as people write it, with what kinds and presets have instead: "0; adamw 0.01". Undefined where
 * it has none.
 */
export function defaultText(path: readonly string[]): string | undefined {
  const { defaults: byKind } = described(path);
  const [group, name] = path;
  const network: Plain = { ...networkSpec(defaults.network) };
  const [first = { kind: undefined, value: group === "network" ? network[name ?? ""] : undefined }] = byKind;
  const others = [
    ...byKind.filter(({ value }) => value !== first.value).map(({ kind, value }) => [kind, value]),
    ...presetNames.flatMap((preset) => {
      const own: Plain = presets[preset];
      const value = path.length === 1 && path[0] !== "preset" ? own[path[0] ?? ""] : undefined;
      return value === undefined ? [] : [[preset, value]];
    }),
  ];
  const text = [
    ...(first.value === undefined || first.value === null ? [] : [valueText(first.value)]),
    ...others.map(([where, value]) => `${where} ${valueText(value)}`),
  ].join("; ");
  return text === "" ? undefined : text;
}

function described(path: readonly string[]): DescribedSetting {
  const found = describedSettings.find((setting) => setting.path.join(".") === path.join("."));
  if (found === undefined) throw new RangeError(`there is no setting ${path.join(".")}`);
  return found;
}

/** Forms of a setting, in each kind of its group that has it. */
export const formsOfSetting = (path: readonly string[]): readonly SettingSchema[] => formsAt(configForm, path);

function checked(value: unknown, nameOf: NameOf): TrainingConfig {
  const result = trainingConfig.safeParse(value);
  if (!result.success) {
    const { path, problem } = settingProblem(result.error, value, configForm);
    throw new ConfigError(`${nameOf(path)} ${problem}`);
  }
  checkSettings(result.data, nameOf);
  return result.data;
}
