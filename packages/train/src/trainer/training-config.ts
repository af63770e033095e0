import { z } from "zod";

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
  /** Decathlon folder. */
  data: z.string(),
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
  size: count.nullable(),
  /** HU that become 0 and 1; what lies outside is clipped. "auto": see docs/training.md. */
  window: z.union([z.literal("auto"), z.tuple([z.number(), z.number()])]),
  baseFeatures: count,
  depth: count.max(6),
  batch: count,
  /** Slices that are run at once; the gradient of a batch is gathered from several such parts. */
  microBatch: count.nullable(),
  epochs: count,
  learningRate: positive,
  /** How the rate changes: after epochs without progress ("plateau"), or with the steps of the run. */
  schedule: z.enum(["plateau", "constant", "cosine", "polynomial"]),
  /** Steps over which the rate rises from nothing. */
  warmupSteps: z.int().min(0),
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

export type TrainingConfig = z.infer<typeof trainingConfig>;
export type Augmentation = z.infer<typeof augmentation>;
export type PresetName = NonNullable<TrainingConfig["preset"]>;

const base: Omit<TrainingConfig, "data"> = {
  preset: null,
  precision: "f32",
  maxSlices: null,
  limitCases: null,
  trainFraction: 0.8,
  splitSeed: null,
  fold: null,
  size: null,
  window: "auto",
  baseFeatures: 8,
  depth: 4,
  batch: 32,
  microBatch: null,
  epochs: 100,
  learningRate: 1e-4,
  schedule: "plateau",
  warmupSteps: 0,
  plateau: { factor: 0.5, patience: 3 },
  earlyStopping: { patience: 5 },
  augmentation: { flip: 0, rotation: 0, zoom: 0, intensity: 0, noise: 0 },
  seed: 0,
  overfitBatches: null,
  fastDevRun: false,
  checkpointEvery: null,
};

/** The reference's recipes: liver and tumour of Task03, hepatic vessels and tumour of Task08. */
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

/** Settings of `over` laid over those of `under`, group by group. */
function merged(under: Plain, over: Plain): Plain {
  const result: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const before = result[key];
    result[key] = isPlain(before) && isPlain(value) ? merged(before, value) : value;
  }
  return result;
}

/**
 * A complete configuration: the preset's settings, over them a config file's, over them those of the command line.
 * @throws ConfigError naming the first setting that does not fit.
 */
export function resolveConfig(preset: PresetName | null, ...layers: readonly Plain[]): TrainingConfig {
  const start: Plain = { ...base, ...(preset === null ? {} : presets[preset]) };
  return parseConfig(layers.reduce<Plain>(merged, start), "the configuration");
}

/** @throws ConfigError naming `source` and the first setting that does not fit. */
export function parseConfig(value: unknown, source: string): TrainingConfig {
  const result = trainingConfig.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    const where = issue === undefined || issue.path.length === 0 ? "" : ` '${issue.path.join(".")}'`;
    throw new ConfigError(`${source}: setting${where} does not fit: ${issue?.message ?? "unknown problem"}`);
  }
  const config = result.data;
  const multiple = 2 ** config.depth;
  if (config.size !== null && config.size % multiple !== 0) {
    const near = Math.max(1, Math.round(config.size / multiple)) * multiple;
    throw new ConfigError(
      `${source}: size must be a multiple of ${multiple} (2^depth), got ${config.size}; ${near} is the nearest`,
    );
  }
  if (config.window !== "auto" && !(config.window[0] < config.window[1])) {
    throw new ConfigError(`${source}: window must be two rising numbers, got ${config.window.join(" ")}`);
  }
  if (config.microBatch !== null && config.microBatch > config.batch) {
    throw new ConfigError(
      `${source}: microBatch ${config.microBatch} is more than batch ${config.batch}; leave it out or make it smaller`,
    );
  }
  return config;
}
