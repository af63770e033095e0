import { efforts } from "@lobule/bench";
import { boundsOf, formsOfSetting, wordsOf } from "@lobule/train";
import { camel, type Values } from "../command-line/command.js";
import {
  choice,
  flag,
  inGroup,
  list,
  number,
  type Option,
  type OptionalOption,
  path,
  text,
  toggle,
  whole,
  withDefault,
} from "../command-line/option.js";
import { deviceOption } from "../shared/open-device.js";
import { trustCodeOption } from "../shared/trust-code.js";

/** An option that is a setting of the training configuration. */
interface SettingOption extends OptionalOption {
  /** Keys of the setting in config.json. */
  readonly setting: readonly string[];
}

/**
 * An option for a setting; what it takes is said by the configuration's schema.
 * @param setting its keys in config.json, joined by dots.
 */
function setting(dotted: string, describe: string, placeholder?: string): SettingOption {
  const keys = dotted.split(".");
  const form = formOf(keys, describe);
  return { ...form, ...(placeholder === undefined ? {} : { placeholder }), setting: keys };
}

function formOf(keys: readonly string[], describe: string): OptionalOption {
  const forms = formsOfSetting(keys).filter(({ type }) => type !== "null");
  const words = wordsOf(forms);
  const listed = forms.find(({ type }) => type === "array");
  if (listed !== undefined) return list(number(describe), listed.prefixItems === undefined ? "several" : 2);
  if (words.length > 0) return choice(words, describe);
  const [form = {}] = forms;
  switch (form.type) {
    case "boolean":
      return toggle(describe);
    case "integer":
      return whole(describe, boundsOf(form));
    case "number":
      return number(describe, boundsOf(form));
    default:
      return text(describe, "TEXT");
  }
}

/** A setting that is a path. */
const settingPath = (key: string, describe: string, placeholder: string): SettingOption => ({
  ...path(describe, "input", placeholder),
  setting: [key],
});

/** Augmentation that --augment turns on, and --no-augment off. */
const usualAugmentation = { flip: 0.5, rotation: 15, zoom: 0.1, intensity: 0.1, noise: 0.02 };
const noAugmentation = { flip: 0, rotation: 0, zoom: 0, intensity: 0, noise: 0 };

/** Of options that the run folder of --resume already answers. */
const begun = "the run in the folder has begun already";

/** Those that most runs need. */
const common = {
  data: settingPath("data", "Decathlon folder", "DIR"),
  out: path("folder of the new run", "folder", "DIR", { conflicts: { resume: begun } }),
  resume: path("go on with this run", "input", "RUN"),
  epochs: setting("epochs", "at most so many [100]; may grow with --resume"),
  batch: setting("batch", "slices a step [32]"),
  size: setting("size", "resample slices to SIZE×SIZE [own size]", "SIZE"),
  lr: setting("learningRate", "learning rate [1e-4]"),
  network: setting("network.preset", "named network [attention-res-unet]"),
  loss: setting("loss.kind", "what is minimized [dice-ce]"),
  augment: {
    ...toggle("mirror, turn, scale, vary and add noise"),
    setting: ["augmentation"],
  } satisfies SettingOption,
};

const data = {
  window: setting("window", "HU that become 0 and 1", "HU"),
  "max-slices": setting("maxSlices", "leave out cases with so many slices or more"),
  "limit-cases": setting("limitCases", "use at most so many cases"),
  "input-slices": setting("inputSlices", "a slice and its neighbors as channels [1]"),
  oversample: setting("oversample", "share of each batch that holds foreground [0]"),
  cache: path("folder of the decoded slices [one of the user's cache]", "folder", "DIR"),
  "verify-cache": flag("decode every volume again and compare it with the cache"),
  workers: whole("threads that decode volumes", { least: 1, most: 256 }),
};

const network = {
  "base-features": setting("baseFeatures", "channels of the first level [8; vessel 16]"),
  depth: setting("depth", "poolings between image and bridge [4]"),
  model: settingPath("model", "file that exports a network of your own", "FILE"),
  block: setting("network.block", "the convolutions of a level"),
  skip: setting("network.skip", "how encoder features join the decoder"),
  "gating-signal": setting("network.gatingSignal", "what opens the gates"),
  upsampling: setting("network.upsampling", "in the decoder"),
  norm: setting("network.norm", "normalization"),
  groups: setting("network.groups", "of group normalization [8]"),
  activation: setting("network.activation", "after each normalization"),
  growth: setting("network.growth", "channels of a level over those above [2]"),
  dropout: setting("network.dropout", "probability of dropping a channel [0]"),
  "deep-supervision": setting("network.deepSupervision", "decoder levels with logits of their own [0]"),
  "bridge-attention-heads": setting("network.bridgeAttentionHeads", "of self-attention in the bridge [0]"),
};

const loss = {
  "class-weights": setting("loss.classWeights", "weight of each class, background first"),
  gamma: setting("loss.gamma", "exponent of the focal loss [2]"),
  "tversky-alpha": setting("loss.alpha", "weight of false positives [0.3]"),
  "tversky-beta": setting("loss.beta", "weight of false negatives [0.7]"),
  "boundary-weight": setting("loss.boundaryWeight", "added to 1 near a boundary [10]"),
  "boundary-radius": setting("loss.boundaryRadius", "how near, in pixels [2]"),
  "lambda-ce": setting("loss.lambdaCrossEntropy", "factor of the cross-entropy [1]"),
  "lambda-focal": setting("loss.lambdaFocal", "factor of the focal loss [1]"),
  "lambda-dice": setting("loss.lambdaDice", "factor of the Dice loss [1]"),
};

const optimization = {
  optimizer: setting("optimizer.kind", "sgd is Nesterov's [adam]"),
  "weight-decay": setting("optimizer.weightDecay", "of the optimizer [0; adamw 0.01]"),
  momentum: setting("optimizer.momentum", "of sgd [0.9]"),
  schedule: setting("schedule", "of the learning rate [plateau]"),
  "warmup-steps": setting("warmupSteps", "steps over which the rate rises from 0 [0]"),
  "clip-norm": setting("clipNorm", "largest norm of the gradients of a step"),
  ema: setting("ema", "validate and keep averaged weights, with this decay"),
};

const computation = {
  device: deviceOption,
  precision: setting("precision", "of stored activations and gradients [f32]"),
  "micro-batch": setting("microBatch", "slices at once; a batch is run in parts"),
  recompute: setting("recompute", "compute cheap activations again instead of keeping them: about half the memory"),
  tune: withDefault(
    choice(efforts, "time the variants of the kernels first and use the fastest", { conflicts: { resume: begun } }),
    "off",
  ),
  "tune-budget": withDefault(number("seconds that --tune may take", { above: 0 }, { needs: "tune" }), 60),
  tuning: path("file of what --tune knows [one of the user's cache]", "file", "FILE", { needs: "tune" }),
};

const notProfiled = { profile: "a profile does not train" };

const run = {
  config: path("JSON file with settings; flags go before it", "input", "FILE", { conflicts: { resume: begun } }),
  seed: setting("seed", "of split, start values, order, augmentation [0]"),
  "checkpoint-every": setting("checkpointEvery", "steps between checkpoints in an epoch"),
  "pause-after": whole("stop after so many epochs, to be resumed", { least: 1 }, { conflicts: notProfiled }),
  "overfit-batches": setting("overfitBatches", "train and validate on so many batches"),
  "fast-dev-run": {
    ...setting("fastDevRun", "one epoch of two steps, and one batch of validation"),
    conflicts: { epochs: "such a run has one epoch", "pause-after": "such a run has one epoch" },
  },
  profile: path("time each dispatch of a step, write this trace, do not train", "file", "FILE", {
    conflicts: {
      resume: "a profile is taken of a run that is yet to begin; give --data",
      out: "a profile makes no run",
    },
  }),
  "trust-code": trustCodeOption,
  json: flag("print a JSON line an epoch", { conflicts: notProfiled }),
};

export const trainPositionals = {
  preset: choice(["liver", "vessel"], "the reference's recipe for Task03_Liver or Task08_HepaticVessel"),
};

export const trainOptions = {
  ...inGroup("Common", common),
  ...inGroup("Data", data),
  ...inGroup("Network", network),
  ...inGroup("Loss", loss),
  ...inGroup("Optimization", optimization),
  ...inGroup("Computation", computation),
  ...inGroup("Run", run),
};

export type TrainValues = Values<typeof trainPositionals & typeof trainOptions>;

const isSetting = (option: Option): option is SettingOption => "setting" in option;

/** Options of train that are settings, by name. */
export const settingOptions: Readonly<Record<string, SettingOption>> = Object.fromEntries(
  Object.entries<Option>(trainOptions).flatMap(([name, option]) => (isSetting(option) ? [[name, option]] : [])),
);

/** The option of a setting, "--epochs"; the setting's own name where it has none. */
export function flagOf(path: readonly PropertyKey[]): string {
  const dotted = path.join(".");
  const found = Object.entries(settingOptions).find(([, { setting: keys }]) => {
    const own = keys.join(".");
    return own === dotted || dotted.startsWith(`${own}.`);
  });
  return found === undefined ? `'${dotted}'` : `--${found[0]}`;
}

/** A setting that was given as an option. */
export interface GivenSetting {
  readonly option: string;
  readonly keys: readonly string[];
  readonly value: unknown;
}

export const givenSettings = (
  values: Readonly<Record<string, unknown>>,
  given: ReadonlySet<string>,
): readonly GivenSetting[] =>
  Object.entries(settingOptions).flatMap(([option, { setting: keys }]) => {
    if (!given.has(option)) return [];
    const value = values[camel(option)];
    const turned = option === "augment" ? (value === true ? usualAugmentation : noAugmentation) : value;
    return [{ option, keys, value: turned }];
  });

/** The settings in the form of config.json. */
export function asConfig(settings: readonly GivenSetting[]): Record<string, unknown> {
  const config: Record<string, Record<string, unknown> | unknown> = {};
  for (const {
    keys: [group = "", inner],
    value,
  } of settings) {
    const before = config[group];
    config[group] = inner === undefined ? value : { ...(typeof before === "object" ? before : {}), [inner]: value };
  }
  return config;
}
