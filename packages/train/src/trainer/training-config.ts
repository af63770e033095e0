import { specProblem } from "@lobule/nn";
import { z } from "zod";
import { networkSettingsSchema, networkSizes, networkSpec, windowSchema } from "../model/network-settings.js";
import { defaultLoss, lossSetting } from "../settings/loss-setting.js";
import { defaultOptimizer, optimizerSetting } from "../settings/optimizer-setting.js";
import { formsAt, type SettingSchema, settingSchemaOf } from "../settings/setting-form.js";
import { settingProblem } from "../settings/setting-problem.js";

/** A setting that cannot be used; one sentence says which, what was expected and what was found. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const count = z.int().positive();
const positive = z.number().positive();

const augmentation = z.strictObject({
  /** Probability of a left-right and of a front-back mirror image. */
  flip: z.number().min(0).max(1),
  /** Largest rotation, degrees. */
  rotation: z.number().min(0).max(180),
  /** Largest change of size, as a share: 0.1 is from 1/1.1 to 1.1. */
  zoom: z.number().min(0).max(1),
  /** Largest change of contrast and, of brightness, as a share of the window. */
  intensity: z.number().min(0).max(1),
  /** Standard deviation of added noise, as a share of the window. */
  noise: z.number().min(0).max(1),
});

/** Everything that determines a run. It is saved with it as config.json. */
const trainingConfig = z.strictObject({
  preset: z.enum(["liver", "vessel"]).nullable(),
  /** How activations and gradients are stored; parameters and optimizer stay f32. f16 needs shader-f16. */
  precision: z.enum(["f32", "f16"]),
  /** Whether activations that are cheap to compute are made again in the backward pass instead of being kept. */
  recompute: z.boolean().default(false),
  data: z.string().describe("a Decathlon folder"),
  /** Cases with this many slices or more are left out. */
  maxSlices: count.nullable(),
  /** At most so many cases, in name order. */
  limitCases: count.min(2).nullable(),
  /** Share of the cases to train on. */
  trainFraction: z.number().gt(0).lt(1),
  /** Seed of the split into training and validation; that of the run where null. */
  splitSeed: z.int().min(0).nullable().default(null),
  /** Which part of a cross-validation this is, from 0; the split is by trainFraction where null. */
  fold: z
    .strictObject({ index: z.int().min(0), of: count.min(2) })
    .nullable()
    .default(null),
  /** Slices are resampled to size × size; at their own size where null. */
  size: networkSizes.size.nullable(),
  /** HU that become 0 and 1; what lies outside is clipped. "auto": see docs/training.md. */
  window: z.union([z.literal("auto"), windowSchema]),
  baseFeatures: networkSizes.baseFeatures,
  depth: networkSizes.depth,
  inputSlices: networkSizes.inputSlices.default(1),
  /** File of a model of one's own, in the network's place. */
  model: z.string().nullable().default(null),
  /** A named network, and what is to be different from it. */
  network: networkSettingsSchema.default({ preset: "attention-res-unet" }),
  batch: count,
  /** Slices that are run at once; the gradient of a batch is gathered from several such parts. */
  microBatch: count.nullable(),
  epochs: count,
  learningRate: positive,
  /** How the rate changes: after epochs without progress ("plateau"), or with the steps of the run. */
  schedule: z.enum(["plateau", "constant", "cosine", "polynomial"]),
  /** Steps over which the rate rises from nothing. */
  warmupSteps: z.int().min(0),
  /** What is minimized; runs of versions that did not record it had Dice-CE. */
  loss: lossSetting.default(defaultLoss),
  optimizer: optimizerSetting.default(defaultOptimizer),
  /** The largest norm of the gradients of a step together. */
  clipNorm: positive.nullable().default(null),
  /** Decay d of the average of the weights that is validated and kept. */
  ema: z.number().gt(0).lt(1).nullable().default(null),
  /** Share of each batch that is drawn from slices with foreground. */
  oversample: z.number().min(0).max(1).default(0),
  plateau: z.strictObject({ factor: z.number().gt(0).lt(1), patience: z.int().min(0) }),
  earlyStopping: z.strictObject({ patience: count }),
  augmentation,
  seed: z.int().min(0),
  /** Trains on the first so many batches only, and validates on them: a network must be able to learn them by heart. */
  overfitBatches: count.nullable(),
  /** One epoch of two steps and one batch of validation: does everything fit together? */
  fastDevRun: z.boolean(),
  /** Steps between checkpoints inside an epoch; at the end of each epoch only where null. */
  checkpointEvery: count.nullable(),
});

/** The complete configuration of a run. */
export type TrainingConfig = z.infer<typeof trainingConfig>;
export type Augmentation = z.infer<typeof augmentation>;

/** The name of a recipe. */
export type PresetName = NonNullable<TrainingConfig["preset"]>;

const base: Omit<TrainingConfig, "data"> = {
  preset: null,
  precision: "f32",
  recompute: false,
  maxSlices: null,
  limitCases: null,
  trainFraction: 0.8,
  splitSeed: null,
  fold: null,
  size: null,
  window: "auto",
  baseFeatures: 8,
  depth: 4,
  inputSlices: 1,
  model: null,
  network: { preset: "attention-res-unet" },
  batch: 32,
  microBatch: null,
  epochs: 100,
  learningRate: 1e-4,
  schedule: "plateau",
  warmupSteps: 0,
  loss: defaultLoss,
  optimizer: defaultOptimizer,
  clipNorm: null,
  ema: null,
  oversample: 0,
  plateau: { factor: 0.5, patience: 3 },
  earlyStopping: { patience: 5 },
  augmentation: { flip: 0, rotation: 0, zoom: 0, intensity: 0, noise: 0 },
  seed: 0,
  overfitBatches: null,
  fastDevRun: false,
  checkpointEvery: null,
};

/** The reference's recipes: liver and tumor of Task03, hepatic vessels and tumor of Task08. */
const presets: Readonly<Record<PresetName, Partial<TrainingConfig>>> = {
  liver: { preset: "liver", maxSlices: 300, baseFeatures: 8, window: [-160, 240] },
  vessel: { preset: "vessel", maxSlices: 80, baseFeatures: 16, window: [-100, 300] },
};

/** How many cases the reference trained and validated on. */
export const referenceCases: Readonly<Record<PresetName, { readonly training: number; readonly validation: number }>> =
  {
    liver: { training: 43, validation: 11 },
    vessel: { training: 172, validation: 44 },
  };

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
  const start: Plain = { ...base, ...(preset === null ? {} : presets[preset]) };
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
 * The configuration that a value holds.
 * @throws ConfigError naming `source` and the first setting that does not fit.
 */
export const parseConfig = (value: unknown, source: string): TrainingConfig =>
  checked(value, (path) => (path.length === 0 ? source : `${source}: ${quotedName(path)}`));

const configForm = settingSchemaOf(trainingConfig);

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
  const { window, overfitBatches, oversample, microBatch, batch } = config;
  if (window !== "auto" && !(window[0] < window[1])) {
    throw new ConfigError(`${nameOf(["window"])} needs two rising numbers, got ${window.join(" ")}`);
  }
  if (overfitBatches !== null && oversample > 0) {
    throw new ConfigError(
      `${nameOf(["oversample"])} ${oversample} has no effect with ${nameOf(["overfitBatches"])}, whose batches are fixed; leave one out`,
    );
  }
  if (microBatch !== null && microBatch > batch) {
    throw new ConfigError(
      `${nameOf(["microBatch"])} ${microBatch} is more than the batch of ${batch}; leave it out or make it smaller`,
    );
  }
  return config;
}

function checkNetwork(config: TrainingConfig, nameOf: NameOf): void {
  const multiple = 2 ** config.depth;
  const size = nameOf(["size"]);
  if (config.size !== null && config.size % multiple !== 0) {
    const near = Math.max(1, Math.round(config.size / multiple)) * multiple;
    const halvings = Math.log2(config.size & -config.size);
    throw new ConfigError(
      `${size} must be a multiple of ${multiple} (2^depth), got ${config.size}; ${near} is the nearest${halvings > 0 ? `, and with depth ${halvings} it would be possible` : ""}`,
    );
  }
  const { norm } = networkSpec(config.network);
  const problem = specProblem(config, networkSpec(config.network));
  if (problem !== undefined) throw new ConfigError(`the network does not fit: ${problem}`);
  if (config.size !== multiple) return;
  const onePixel = `${size} ${config.size} leaves one pixel in the bridge`;
  const advice = `use size ${2 * multiple}${config.depth > 1 ? ` or depth ${config.depth - 1}` : ""}`;
  if (norm !== "batch") throw new ConfigError(`${onePixel}, which ${norm} normalization turns to nothing; ${advice}`);
  if ((config.microBatch ?? config.batch) === 1) {
    const parts = nameOf([config.microBatch === null ? "batch" : "microBatch"]);
    throw new ConfigError(
      `${onePixel}, and with ${parts} 1 batch normalization has one value a channel, of which it leaves nothing; ${advice}, or ${parts} 2`,
    );
  }
}
