import {
  type DescribedSetting,
  describeSettings,
  formsAt,
  formText,
  type SettingSchema,
  settingProblem,
  settingSchemaOf,
} from "@lobule/data";
import { nnunetDivisors, nnunetProblem, specProblem } from "@lobule/nn";
import { z } from "zod";
import { sameJson } from "../json/same-json.js";
import { normalizationKinds } from "../model/intensities.js";
import { networkSettingsSchema, networkSizes, networkSpec, windowSchema } from "../model/network-settings.js";
import { nnunetSchema } from "../model/nnunet-settings.js";
import { augmentationSetting } from "../settings/augmentation-setting.js";
import { defaultLoss, lossSetting } from "../settings/loss-setting.js";
import { defaultOptimizer, optimizerSetting } from "../settings/optimizer-setting.js";

/** A setting that cannot be used; one sentence says which, what was expected and what was found. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const count = z.int().positive();
const positive = z.number().positive();

/** Names of the recipes. */
export const presetNames = ["liver", "vessel"] as const;

const share = z.number().min(0).max(1);

/** Everything that determines a run. It is saved with it as config.json. */
const trainingConfig = z.strictObject({
  preset: z
    .enum(presetNames)
    .nullable()
    .default(null)
    .describe("the reference's recipe for Task03_Liver or Task08_HepaticVessel"),
  precision: z
    .enum(["f32", "f16"])
    .default("f32")
    .describe("how activations and gradients are stored; parameters and optimizer stay f32, and f16 needs shader-f16"),
  recompute: z
    .boolean()
    .default(false)
    .describe("compute cheap activations again in the backward pass instead of keeping them: about half the memory"),
  data: z.string().meta({ title: "a Decathlon folder", description: "Decathlon folder of the cases" }),
  maxSlices: count.nullable().default(null).describe("leave out cases with so many slices or more"),
  limitCases: count.min(2).nullable().default(null).describe("use at most so many cases, in name order"),
  trainFraction: z.number().gt(0).lt(1).default(0.8).describe("share of the cases to train on"),
  splitSeed: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe("seed of the split into training and validation; by default that of the run"),
  fold: z
    .strictObject({
      index: z.int().min(0).describe("which part of the cross-validation is held out, from 0"),
      of: count.min(2).describe("parts of the cross-validation"),
    })
    .nullable()
    .default(null)
    .describe("part of a cross-validation that is held out; by default the split is by trainFraction"),
  validationCases: z
    .array(z.string().min(1))
    .min(1)
    .nullable()
    .default(null)
    .describe("names of the cases to validate on, all others are trained on; by default they are drawn"),
  size: networkSizes.size
    .nullable()
    .default(null)
    .describe("side that slices are resampled to, in pixels; by default their own size"),
  spacing: networkSizes.spacing
    .nullable()
    .default(null)
    .describe("pixel spacing that slices are resampled to, mm along x and y; by default their own"),
  patch: networkSizes.patch
    .nullable()
    .default(null)
    .describe("width and height of what the network sees at once, in pixels; by default the whole slice"),
  window: z
    .union([z.literal("auto"), windowSchema])
    .default("auto")
    .describe("HU that become 0 and 1; what is outside is clipped"),
  normalization: z
    .enum(normalizationKinds)
    .default("window")
    .describe("what the network sees: the window as 0 to 1, or z-scores by the foreground of the training cases"),
  baseFeatures: networkSizes.baseFeatures.default(8).describe("channels of the first level"),
  depth: networkSizes.depth.default(4).describe("poolings between the image and the bridge"),
  inputSlices: networkSizes.inputSlices
    .default(1)
    .describe("neighboring slices that are the channels of an image, the labeled one in the middle"),
  model: z
    .string()
    .nullable()
    .default(null)
    .describe("file that exports a network of your own, in the place of a named one"),
  network: networkSettingsSchema
    .default({ preset: "attention-res-unet" })
    .describe("a named network, and what is to be different from it"),
  nnunet: nnunetSchema
    .nullable()
    .default(null)
    .describe("a network of nnU-Net in the place of a named one, with its own depth and features"),
  init: z
    .string()
    .nullable()
    .default(null)
    .describe("run or checkpoint whose weights the network starts with; by default they are drawn by the seed"),
  batch: count.default(32).describe("slices of a step"),
  microBatch: count
    .nullable()
    .default(null)
    .describe("slices that are run at once; a larger batch is run in such parts, whose gradients are added"),
  epochs: count.default(100).describe("epochs to train at most; may grow when a run is resumed"),
  stepsPerEpoch: count
    .nullable()
    .default(null)
    .describe("steps of an epoch, whatever the number of slices; by default an epoch is one pass over them"),
  learningRate: positive.default(1e-4).describe("step size of the optimizer at the start"),
  schedule: z
    .enum(["plateau", "constant", "cosine", "polynomial"])
    .default("plateau")
    .describe("how the learning rate changes: after epochs without progress (plateau), or with the steps of the run"),
  warmupSteps: z.int().min(0).default(0).describe("steps over which the learning rate rises from 0"),
  loss: lossSetting.default(defaultLoss).describe("what is minimized, in training and validation"),
  optimizer: optimizerSetting.default(defaultOptimizer).describe("how parameters follow their gradients"),
  clipNorm: positive
    .nullable()
    .default(null)
    .describe("largest norm of the gradients of a step together; by default they are not clipped"),
  ema: z
    .number()
    .gt(0)
    .lt(1)
    .nullable()
    .default(null)
    .describe("decay of an average of the weights that is validated and kept; by default none"),
  oversample: share.default(0).describe("share of each batch that is drawn from slices with foreground"),
  oversampleBy: z
    .enum(["any", "class"])
    .default("any")
    .describe("draw these slices from all with foreground (any), or from those of a class that is drawn first (class)"),
  plateau: z
    .strictObject({
      factor: z.number().gt(0).lt(1).default(0.5).describe("factor of the learning rate at a plateau"),
      patience: z.int().min(0).default(3).describe("epochs without progress before the learning rate falls"),
    })
    .prefault({})
    .describe("when the schedule 'plateau' lowers the learning rate"),
  earlyStopping: z
    .strictObject({ patience: count.default(5).describe("epochs without progress after which training ends") })
    .prefault({})
    .describe("when training ends before its last epoch"),
  augmentation: augmentationSetting.prefault({}).describe("random changes of the training slices"),
  seed: z.int().min(0).default(0).describe("seed of split, start values, order and augmentation"),
  overfitBatches: count
    .nullable()
    .default(null)
    .describe("train and validate on the first so many batches alone: a network must be able to learn them by heart"),
  fastDevRun: z.boolean().default(false).describe("train one epoch of two steps and validate one batch"),
  checkpointEvery: count
    .nullable()
    .default(null)
    .describe("steps between checkpoints inside an epoch; by default at its end alone"),
});

/** Settings that the configurations of earlier versions lack; those runs had what is the default. */
const addedLater: readonly string[] = [
  "recompute",
  "splitSeed",
  "fold",
  "validationCases",
  "spacing",
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

/** The complete configuration of a run. */
export type TrainingConfig = z.infer<typeof trainingConfig>;
/** The name of a recipe. */
export type PresetName = (typeof presetNames)[number];

/** The preset of a name; null where there is none. */
export const presetOf = (name: unknown): PresetName | null => presetNames.find((each) => each === name) ?? null;

/** Each setting's default. */
const { data: _, ...defaults } = trainingConfig.parse({ data: "" });

/** The reference's recipes: liver and tumor of Task03, hepatic vessels and tumor of Task08. */
const presets: Readonly<Record<PresetName, Partial<TrainingConfig>>> = {
  liver: { preset: "liver", maxSlices: 300, window: [-160, 240] },
  vessel: { preset: "vessel", maxSlices: 80, baseFeatures: 16, window: [-100, 300] },
};

/** How many cases the reference trained and validated on. */
export const referenceCases: Readonly<Record<PresetName, { readonly training: number; readonly validation: number }>> =
  {
    liver: { training: 43, validation: 11 },
    vessel: { training: 172, validation: 44 },
  };

/** The settings of a preset, or those without one, but for the data. */
export const presetSettings = (preset: PresetName | null): Omit<TrainingConfig, "data"> => ({
  ...defaults,
  ...(preset === null ? {} : presets[preset]),
});

type Plain = Readonly<Record<string, unknown>>;
const isPlain = (value: unknown): value is Plain =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Settings of `over` laid over those of `under`, group by group. A group of another kind takes the place of the whole. */
function merged(under: Plain, over: Plain): Plain {
  const result: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const before = result[key];
    const sameKind = isPlain(before) && isPlain(value) && (value.kind === undefined || value.kind === before.kind);
    result[key] = sameKind ? merged(before, value) : value;
  }
  return result;
}

/** Settings of one origin. */
export interface SettingsLayer {
  readonly settings: Plain;
  /** How the user calls one of them: "--epochs", or "'epochs' of my.json". */
  readonly nameOf: (path: readonly PropertyKey[]) => string;
}

type NameOf = SettingsLayer["nameOf"];

/** How many keys of a path a layer has. */
function depthOf(settings: Plain, [key, ...rest]: readonly PropertyKey[]): number {
  const inner = key === undefined ? undefined : settings[String(key)];
  if (inner === undefined) return 0;
  return 1 + (isPlain(inner) ? depthOf(inner, rest) : 0);
}

/**
 * A complete configuration: the preset's settings, over them those of each layer.
 * @throws ConfigError naming the first setting that does not fit as the layer calls it from which it came.
 */
export function resolveLayers(preset: PresetName | null, layers: readonly SettingsLayer[]): TrainingConfig {
  const start: Plain = presetSettings(preset);
  const nameOf: NameOf = (path) => {
    const depths = layers.map(({ settings }) => depthOf(settings, path));
    const origin = layers[depths.lastIndexOf(Math.max(...depths))];
    return origin?.nameOf(path) ?? quotedName(path);
  };
  return checked(layers.map(({ settings }) => settings).reduce(merged, start), nameOf);
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
  const config = result.data;
  // What a model of one's own asks of its images is known when it has been made.
  if (config.model === null) checkNetwork(config, nameOf);
  else if (config.nnunet !== null) {
    throw new ConfigError(`${nameOf(["model"])} and ${nameOf(["nnunet"])} both say what the network is; leave one out`);
  }
  const { size, spacing, patch, window, overfitBatches, oversample, oversampleBy, stepsPerEpoch, microBatch, batch } =
    config;
  const { fold, validationCases } = config;
  const other = spacing !== null ? "spacing" : patch !== null ? "patch" : undefined;
  if (size !== null && other !== undefined) {
    throw new ConfigError(
      `${nameOf([other])} does not go with ${nameOf(["size"])}, which stretches each slice onto one size; leave one out`,
    );
  }
  if (fold !== null && validationCases !== null) {
    throw new ConfigError(
      `${nameOf(["fold"])} and ${nameOf(["validationCases"])} both say which cases are held out; leave one out`,
    );
  }
  if (window !== "auto" && !(window[0] < window[1])) {
    throw new ConfigError(`${nameOf(["window"])} needs two rising numbers, got ${window.join(" ")}`);
  }
  const drawn = { oversample: oversample === 0 ? null : oversample, stepsPerEpoch };
  for (const [name, value] of Object.entries(drawn)) {
    if (overfitBatches === null || value === null) continue;
    throw new ConfigError(
      `${nameOf([name])} ${value} has no effect with ${nameOf(["overfitBatches"])}, whose batches are fixed; leave one out`,
    );
  }
  if (oversampleBy !== "any" && oversample === 0) {
    throw new ConfigError(
      `${nameOf(["oversampleBy"])} ${oversampleBy} has no effect without ${nameOf(["oversample"])}, the share of a batch that is drawn so; give both`,
    );
  }
  if (microBatch !== null && microBatch > batch) {
    throw new ConfigError(
      `${nameOf(["microBatch"])} ${microBatch} is more than the batch of ${batch}; leave it out or make it smaller`,
    );
  }
  return config;
}

/** @throws ConfigError when a patch, width and height, leaves less than two pixels in the bridge, or parts of some. */
function checkPatch(patch: readonly number[], multiples: readonly number[], name: string): void {
  for (const [axis, side] of patch.entries()) {
    const multiple = multiples[axis] ?? 1;
    if (side % multiple === 0 && side > multiple) continue;
    throw new ConfigError(
      `${name} needs a ${axis === 0 ? "width" : "height"} that is a multiple of ${multiple} and larger, since the network halves it so often, got ${side}; ${Math.max(2, Math.round(side / multiple)) * multiple} is the nearest`,
    );
  }
}

/** Settings that say nothing of a network whose levels are listed. */
const ofNamedNetworks = ["network", "baseFeatures", "depth"] as const;

/** The path of the first of them that is not as it is by default. */
function idleSetting(config: TrainingConfig): readonly string[] | undefined {
  const usual = presetSettings(config.preset);
  const name = ofNamedNetworks.find((each) => !sameJson(config[each], usual[each]));
  if (name !== "network") return name === undefined ? undefined : [name];
  const before = new Map<string, unknown>(Object.entries(usual.network));
  const changed = Object.entries(config.network).find(([key, value]) => !sameJson(value, before.get(key)));
  return ["network", ...(changed === undefined ? [] : [changed[0]])];
}

function checkNetwork(config: TrainingConfig, nameOf: NameOf): void {
  const { nnunet } = config;
  const idle = nnunet === null ? undefined : idleSetting(config);
  if (idle !== undefined) {
    throw new ConfigError(
      `${nameOf(idle)} has no effect with 'nnunet', which lists the network's levels; leave it out`,
    );
  }
  const [rows, columns] = nnunet === null ? [2 ** config.depth, 2 ** config.depth] : nnunetDivisors(nnunet);
  const multiple = Math.max(rows, columns);
  const size = nameOf(["size"]);
  if (config.size !== null && config.size % multiple !== 0) {
    const near = Math.max(1, Math.round(config.size / multiple)) * multiple;
    const halvings = nnunet === null ? Math.log2(config.size & -config.size) : 0;
    throw new ConfigError(
      `${size} must be a multiple of ${multiple} (2^depth), got ${config.size}; ${near} is the nearest${halvings > 0 ? `, and with depth ${halvings} it would be possible` : ""}`,
    );
  }
  if (config.patch !== null) checkPatch(config.patch, [columns, rows], nameOf(["patch"]));
  const { norm } = nnunet ?? networkSpec(config.network);
  const problem = nnunet === null ? specProblem(config, networkSpec(config.network)) : nnunetProblem(nnunet);
  if (problem !== undefined) throw new ConfigError(`the network does not fit: ${problem}`);
  if (config.size !== rows || config.size !== columns) return;
  const onePixel = `${size} ${config.size} leaves one pixel in the bridge`;
  const advice = `use size ${2 * multiple}${nnunet === null && config.depth > 1 ? ` or depth ${config.depth - 1}` : ""}`;
  if (norm !== "batch") throw new ConfigError(`${onePixel}, which ${norm} normalization turns to nothing; ${advice}`);
  if ((config.microBatch ?? config.batch) === 1) {
    const parts = nameOf([config.microBatch === null ? "batch" : "microBatch"]);
    throw new ConfigError(
      `${onePixel}, and with ${parts} 1 batch normalization has one value a channel, of which it leaves nothing; ${advice}, or ${parts} 2`,
    );
  }
}
