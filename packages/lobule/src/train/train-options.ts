import { efforts } from "@lobule/bench";
import { boundsOf, wordsOf } from "@lobule/data";
import {
  augmentationKinds,
  defaultText,
  descriptionOf,
  formsOfSetting,
  noAugmentation,
  presetNames,
  unmirroredAugmentation,
  usualAugmentation,
} from "@lobule/train";
import { camel, type Values } from "../command-line/command.js";
import {
  choice,
  choiceOrNo,
  flag,
  inGroup,
  list,
  number,
  type Option,
  type OptionalOption,
  oneOrSeveral,
  path,
  text,
  toggle,
  whole,
  wholeOr,
  withDefault,
} from "../command-line/option.js";
import { deviceOption } from "../shared/open-device.js";
import { trustCodeOption } from "../shared/trust-code.js";

/** An option that is a setting of the training configuration. */
export interface SettingOption extends OptionalOption {
  /** Keys of the setting in config.json. */
  readonly setting: readonly string[];
}

/**
 * An option for a setting. What it takes, what it does and its default are said by the configuration's schema.
 * @param dotted its keys in config.json, joined by dots.
 */
function setting(dotted: string, placeholder?: string): SettingOption {
  const keys = dotted.split(".");
  const form = formOf(keys, helpOf(keys));
  return { ...form, ...(placeholder === undefined ? {} : { placeholder }), setting: keys };
}

/** The description of a setting, with its default. */
function helpOf(keys: readonly string[]): string {
  const normal = defaultText(keys);
  return `${descriptionOf(keys)}${normal === undefined || normal === "false" ? "" : ` [${normal}]`}`;
}

function formOf(keys: readonly string[], describe: string): OptionalOption {
  const forms = formsOfSetting(keys).filter(({ type }) => type !== "null");
  const words = wordsOf(forms);
  const listed = forms.find(({ type }) => type === "array");
  if (listed?.prefixItems !== undefined) return list(number(describe), 2);
  if (words.length > 0) return choice(words, describe);
  if (listed !== undefined) return list(number(describe), "several");
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

/** A setting of all channels of the images or, given several times, of each. */
const channelSetting = (key: string, placeholder: string): SettingOption => {
  const option = setting(key, placeholder);
  return { ...option, ...oneOrSeveral(option) };
};

/** A setting that is a path. */
const settingPath = (key: string, placeholder: string): SettingOption => ({
  ...path(helpOf([key]), "input", placeholder),
  setting: [key],
});

/** Of options that the run folder of --resume already answers. */
const begun = "the run in the folder has begun already";

/** Those that most runs need. */
const common = {
  data: settingPath("data", "DIR"),
  out: path("folder of the new run", "folder", "DIR", { conflicts: { resume: begun } }),
  resume: path("go on with this run", "input", "RUN"),
  epochs: setting("epochs"),
  batch: setting("batch"),
  size: setting("size", "SIZE"),
  lr: setting("learningRate"),
  network: setting("network.preset"),
  loss: setting("loss.kind"),
  augment: {
    ...choiceOrNo(augmentationKinds, "change training slices at random: a little, or much as nnU-Net does", "KIND"),
    setting: ["augmentation"],
  } satisfies SettingOption,
};

const data = {
  crop: setting("crop"),
  spacing: setting("spacing", "MM"),
  resampling: setting("resampling"),
  patch: setting("patch", "PIXELS"),
  window: channelSetting("window", "HU"),
  normalization: channelSetting("normalization", "NAME"),
  "max-slices": setting("maxSlices"),
  "limit-cases": setting("limitCases"),
  "input-slices": setting("inputSlices"),
  oversample: setting("oversample"),
  "oversample-by": setting("oversampleBy"),
  "mirror-left-right": setting("augmentation.leftRight"),
  "mirror-front-back": setting("augmentation.frontBack"),
  cache: path("folder of the decoded slices [one of the user's cache]", "folder", "DIR"),
  "verify-cache": flag("decode every volume again and compare it with the cache"),
  workers: whole("threads that decode volumes", { least: 1, most: 256 }),
};

const network = {
  "base-features": setting("baseFeatures"),
  depth: setting("depth"),
  model: settingPath("model", "FILE"),
  init: settingPath("init", "RUN"),
  block: setting("network.block"),
  "encoder-blocks": setting("network.encoderBlocks"),
  skip: setting("network.skip"),
  "gating-signal": setting("network.gatingSignal"),
  upsampling: setting("network.upsampling"),
  norm: setting("network.norm"),
  groups: setting("network.groups"),
  activation: setting("network.activation"),
  growth: setting("network.growth"),
  dropout: setting("network.dropout"),
  "deep-supervision": setting("network.deepSupervision"),
  "bridge-attention-heads": setting("network.bridgeAttentionHeads"),
};

const loss = {
  "class-weights": setting("loss.classWeights"),
  gamma: setting("loss.gamma"),
  "tversky-alpha": setting("loss.alpha"),
  "tversky-beta": setting("loss.beta"),
  "boundary-weight": setting("loss.boundaryWeight"),
  "boundary-radius": setting("loss.boundaryRadius"),
  "top-k-share": setting("loss.share"),
  "foreground-dice": setting("loss.foregroundDice"),
  "batch-dice": setting("loss.batchDice"),
  "lambda-ce": setting("loss.lambdaCrossEntropy"),
  "lambda-focal": setting("loss.lambdaFocal"),
  "lambda-dice": setting("loss.lambdaDice"),
};

const optimization = {
  optimizer: setting("optimizer.kind"),
  "weight-decay": setting("optimizer.weightDecay"),
  momentum: setting("optimizer.momentum"),
  schedule: setting("schedule"),
  "steps-per-epoch": setting("stepsPerEpoch"),
  "warmup-steps": setting("warmupSteps"),
  "clip-norm": setting("clipNorm"),
  ema: setting("ema"),
};

const computation = {
  device: deviceOption,
  precision: setting("precision"),
  "micro-batch": setting("microBatch"),
  recompute: setting("recompute"),
  tune: withDefault(
    choice(efforts, "time the variants of the kernels first and use the fastest", { conflicts: { resume: begun } }),
    "off",
  ),
  "tune-budget": withDefault(number("seconds that --tune may take", { above: 0 }, { needs: "tune" }), 60),
  tuning: path("file of what --tune knows [one of the user's cache]", "file", "FILE", { needs: "tune" }),
};

const notProfiled = { profile: "a profile does not train" };

const run = {
  config: path("YAML or JSON file with settings; options of the command line count more", "input", "FILE", {
    conflicts: { resume: begun },
  }),
  seed: setting("seed"),
  "checkpoint-every": setting("checkpointEvery"),
  "pause-after": whole("stop after so many epochs, to be resumed", { least: 1 }, { conflicts: notProfiled }),
  "overfit-batches": setting("overfitBatches"),
  "fast-dev-run": {
    ...setting("fastDevRun"),
    conflicts: { epochs: "such a run has one epoch", "pause-after": "such a run has one epoch" },
  },
  profile: path("time each dispatch of a step, write this trace, do not train", "file", "FILE", {
    conflicts: {
      resume: "a profile is taken of a run that is yet to begin; give --data",
      out: "a profile makes no run",
    },
  }),
  dashboard: wholeOr(
    0,
    "show the run in a browser of this machine while it trains, at this port [a free one]",
    "PORT",
    { least: 1, most: 65_535 },
    { conflicts: notProfiled },
  ),
  "trust-code": trustCodeOption,
  json: flag("print a JSON line an epoch", { conflicts: notProfiled }),
};

/** The recipes, and a plan that is made for the data. */
export const recipeOption = choice(
  [...presetNames, "auto"] as const,
  "the reference's recipe for Task03_Liver or Task08_HepaticVessel, or for auto a plan as `lobule plan` makes it",
);

export const trainPositionals = {
  preset: recipeOption,
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

const {
  data: _data,
  out: _out,
  resume: _resume,
  workers: _workers,
  "verify-cache": _verify,
  "pause-after": _pause,
  "overfit-batches": _overfit,
  "fast-dev-run": _trial,
  profile: _profile,
  dashboard: _dashboard,
  json: _json,
  tune: _tune,
  "tune-budget": _budget,
  tuning: _tuning,
  ...shared
} = trainOptions;

/** Options that commands on several runs, or on none yet, have as well: without those of one run's folder and process. */
export const sharedTrainOptions = shared;

export type TrainValues = Values<typeof trainPositionals & typeof trainOptions>;

const isSetting = (option: Option): option is SettingOption => "setting" in option;

/** Options of train that are settings, by name. */
export const settingOptions: Readonly<Record<string, SettingOption>> = Object.fromEntries(
  Object.entries<Option>(trainOptions).flatMap(([name, option]) => (isSetting(option) ? [[name, option]] : [])),
);

/** The option of a setting, "--epochs"; the setting's own name where it has none. */
export function flagOf(path: readonly PropertyKey[]): string {
  const dotted = path.join(".");
  const options = Object.entries(settingOptions).map(([name, { setting: keys }]) => [name, keys.join(".")] as const);
  const found = options.find(([, own]) => own === dotted) ?? options.find(([, own]) => dotted.startsWith(`${own}.`));
  return found === undefined ? `'${dotted}'` : `--${found[0]}`;
}

/** A setting that was given as an option. */
export interface GivenSetting {
  readonly option: string;
  readonly keys: readonly string[];
  readonly value: unknown;
}

/** @param planned whether a plan chooses what is left open. */
export const givenSettings = (
  values: Readonly<Record<string, unknown>>,
  given: ReadonlySet<string>,
  planned = false,
): readonly GivenSetting[] =>
  Object.entries(settingOptions).flatMap(([option, { setting: keys }]) => {
    if (!given.has(option)) return [];
    const value = values[camel(option)];
    return [{ option, keys, value: option === "augment" ? augmentationNamed(value, planned) : value }];
  });

/** The augmentation that --augment names, or --no-augment. */
function augmentationNamed(value: unknown, planned: boolean) {
  const kind = augmentationKinds.find((each) => each === value);
  if (kind === undefined) return noAugmentation;
  return planned ? unmirroredAugmentation(kind) : usualAugmentation(kind);
}

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
