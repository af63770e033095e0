import { networkPresets, type PresetName } from "@lobule/train";
import type { Argv } from "yargs";
import { efforts } from "../tune/tune-kernels.js";

/** Augmentation that --augment turns on. */
const usualAugmentation = { flip: 0.5, rotation: 15, zoom: 0.1, intensity: 0.1, noise: 0.02 };

export const trainOptions = (parser: Argv) =>
  parser
    .positional("preset", {
      choices: ["liver", "vessel"] as const,
      describe: "the reference's recipe for Task03_Liver or Task08_HepaticVessel",
    })
    .option("data", { type: "string", describe: "Decathlon folder" })
    .option("out", { type: "string", describe: "folder of the new run" })
    .option("resume", { type: "string", describe: "go on with this run", conflicts: ["data", "out"] })
    .option("config", { type: "string", describe: "JSON file with settings; flags go before it" })
    .option("epochs", { type: "number", describe: "at most so many [100]" })
    .option("batch", { type: "number", describe: "slices a step [32]" })
    .option("micro-batch", { type: "number", describe: "slices at once; a batch is run in parts" })
    .option("size", { type: "number", describe: "resample slices to SIZE×SIZE [own size]" })
    .option("base-features", { type: "number", describe: "channels of the first level [8; vessel 16]" })
    .option("depth", { type: "number", describe: "poolings between image and bridge [4]" })
    .option("model", { type: "string", describe: "file that exports a network of your own" })
    .option("input-slices", { type: "number", describe: "a slice and its neighbours as channels [1]" })
    .option("network", { choices: networkPresets, describe: "named network [attention-res-unet]" })
    .option("block", {
      choices: ["plain", "residual", "residual-squeeze-excite"] as const,
      describe: "two convolutions",
    })
    .option("skip", {
      choices: ["concat", "add", "attention-gate", "attention-gate-norm"] as const,
      describe: "how encoder features join the decoder",
    })
    .option("gating-signal", { choices: ["upsampled", "coarse"] as const, describe: "what opens the gates" })
    .option("upsampling", { choices: ["transposed", "bilinear"] as const, describe: "in the decoder" })
    .option("norm", { choices: ["batch", "instance", "group"] as const, describe: "normalisation" })
    .option("groups", { type: "number", describe: "of group normalisation [8]" })
    .option("activation", { choices: ["relu", "leaky-relu", "silu"] as const, describe: "after each normalisation" })
    .option("growth", { type: "number", describe: "channels of a level over those above [2]" })
    .option("dropout", { type: "number", describe: "probability of dropping a channel [0]" })
    .option("deep-supervision", { type: "number", describe: "decoder levels with logits of their own [0]" })
    .option("bridge-attention-heads", { type: "number", describe: "of self-attention in the bridge [0]" })
    .option("lr", { type: "number", describe: "learning rate [1e-4]" })
    .option("schedule", {
      choices: ["plateau", "constant", "cosine", "polynomial"] as const,
      describe: "of the learning rate [plateau]",
    })
    .option("warmup-steps", { type: "number", describe: "steps over which the rate rises from 0 [0]" })
    .option("loss", {
      choices: ["dice-ce", "weighted-dice-ce", "focal", "dice-focal", "tversky", "boundary-ce"] as const,
      describe: "what is minimised [dice-ce]",
    })
    .option("class-weights", { type: "number", array: true, describe: "weight of each class, background first" })
    .option("gamma", { type: "number", describe: "exponent of the focal loss [2]" })
    .option("tversky-alpha", { type: "number", describe: "weight of false positives [0.3]" })
    .option("tversky-beta", { type: "number", describe: "weight of false negatives [0.7]" })
    .option("boundary-weight", { type: "number", describe: "added to 1 near a boundary [10]" })
    .option("boundary-radius", { type: "number", describe: "how near, in pixels [2]" })
    .option("lambda-ce", { type: "number", describe: "factor of the cross-entropy [1]" })
    .option("lambda-focal", { type: "number", describe: "factor of the focal loss [1]" })
    .option("lambda-dice", { type: "number", describe: "factor of the Dice loss [1]" })
    .option("optimizer", { choices: ["adam", "adamw", "sgd"] as const, describe: "sgd is Nesterov's [adam]" })
    .option("weight-decay", { type: "number", describe: "of the optimizer [0; adamw 0.01]" })
    .option("momentum", { type: "number", describe: "of sgd [0.9]" })
    .option("clip-norm", { type: "number", describe: "largest norm of the gradients of a step" })
    .option("ema", { type: "number", describe: "validate and keep averaged weights, with this decay" })
    .option("oversample", { type: "number", describe: "share of each batch that holds foreground [0]" })
    .option("precision", {
      choices: ["f32", "f16"] as const,
      describe: "of stored activations and gradients [f32]",
    })
    .option("recompute", {
      type: "boolean",
      describe: "compute cheap activations again instead of keeping them: about half the memory",
    })
    .option("window", { type: "number", array: true, nargs: 2, describe: "HU that become 0 and 1" })
    .option("max-slices", { type: "number", describe: "leave out cases with so many slices or more" })
    .option("limit-cases", { type: "number", describe: "use at most so many cases" })
    .option("augment", { type: "boolean", describe: "mirror, turn, scale, vary and add noise" })
    .option("seed", { type: "number", describe: "of split, start values, order, augmentation [0]" })
    .option("overfit-batches", { type: "number", describe: "train and validate on so many batches" })
    .option("fast-dev-run", { type: "boolean", describe: "two steps and one batch of validation" })
    .option("checkpoint-every", { type: "number", describe: "steps between checkpoints in an epoch" })
    .option("cache", { type: "string", describe: "folder of the decoded slices" })
    .option("verify-cache", {
      type: "boolean",
      describe: "decode every volume again and compare it with the cache",
    })
    .option("workers", { type: "number", describe: "threads that decode volumes" })
    .option("tune", {
      choices: efforts,
      default: "off",
      describe: "time the variants of the kernels first and use the fastest",
    })
    .option("tune-budget", { type: "number", default: 60, describe: "seconds that --tune may take" })
    .option("tuning", { type: "string", describe: "file of what --tune knows [one of the user's cache]" })
    .option("profile", { type: "string", describe: "time each dispatch of a step, write this trace, do not train" })
    .option("pause-after", { type: "number", describe: "stop after so many epochs, to be resumed" })
    .option("json", { type: "boolean", default: false, describe: "print a JSON line an epoch" });

type Names = readonly (readonly [flag: string, setting: string])[];

/** The settings of the flags that were given, by name. */
function given(args: Readonly<Record<string, unknown>>, names: Names): Record<string, unknown> {
  return Object.fromEntries(
    names.flatMap(([flag, setting]) => {
      const value = args[flag];
      if (value === undefined) return [];
      // Of a flag that is given twice the last one counts.
      return [[setting, Array.isArray(value) && !lists.has(flag) ? value.at(-1) : value] as const];
    }),
  );
}

/** Flags with several values. */
const lists: ReadonlySet<string> = new Set(["window", "classWeights"]);

/** Flags of settings that are a group of their own. */
const groups: Readonly<Record<string, Names>> = {
  network: [
    ["network", "preset"],
    ["block", "block"],
    ["skip", "skip"],
    ["gatingSignal", "gatingSignal"],
    ["upsampling", "upsampling"],
    ["norm", "norm"],
    ["groups", "groups"],
    ["activation", "activation"],
    ["growth", "growth"],
    ["dropout", "dropout"],
    ["deepSupervision", "deepSupervision"],
    ["bridgeAttentionHeads", "bridgeAttentionHeads"],
  ],
  loss: [
    ["loss", "kind"],
    ["classWeights", "classWeights"],
    ["gamma", "gamma"],
    ["tverskyAlpha", "alpha"],
    ["tverskyBeta", "beta"],
    ["boundaryWeight", "boundaryWeight"],
    ["boundaryRadius", "boundaryRadius"],
    ["lambdaCe", "lambdaCrossEntropy"],
    ["lambdaFocal", "lambdaFocal"],
    ["lambdaDice", "lambdaDice"],
  ],
  optimizer: [
    ["optimizer", "kind"],
    ["weightDecay", "weightDecay"],
    ["momentum", "momentum"],
  ],
};

/** The settings that were given as flags, in the form of config.json. */
export function settingsOf(args: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const names: Names = [
    ["data", "data"],
    ["epochs", "epochs"],
    ["batch", "batch"],
    ["microBatch", "microBatch"],
    ["size", "size"],
    ["baseFeatures", "baseFeatures"],
    ["inputSlices", "inputSlices"],
    ["model", "model"],
    ["depth", "depth"],
    ["lr", "learningRate"],
    ["schedule", "schedule"],
    ["warmupSteps", "warmupSteps"],
    ["clipNorm", "clipNorm"],
    ["ema", "ema"],
    ["oversample", "oversample"],
    ["precision", "precision"],
    ["recompute", "recompute"],
    ["window", "window"],
    ["maxSlices", "maxSlices"],
    ["limitCases", "limitCases"],
    ["seed", "seed"],
    ["overfitBatches", "overfitBatches"],
    ["fastDevRun", "fastDevRun"],
    ["checkpointEvery", "checkpointEvery"],
  ];
  const inGroups = Object.entries(groups).flatMap(([group, flags]) => {
    const settings = given(args, flags);
    return Object.keys(settings).length === 0 ? [] : [[group, settings] as const];
  });
  return {
    ...given(args, names),
    ...Object.fromEntries(inGroups),
    ...(args.augment === true ? { augmentation: usualAugmentation } : {}),
  };
}

export const presetOf = (value: unknown): PresetName | null => (value === "liver" || value === "vessel" ? value : null);
