import { networkPresets, type PresetName } from "@lobule/train";
import type { Argv } from "yargs";

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
    .option("lr", { type: "number", describe: "learning rate of Adam [1e-4]" })
    .option("schedule", {
      choices: ["plateau", "constant", "cosine", "polynomial"] as const,
      describe: "of the learning rate [plateau]",
    })
    .option("warmup-steps", { type: "number", describe: "steps over which the rate rises from 0 [0]" })
    .option("precision", {
      choices: ["f32", "f16"] as const,
      describe: "of stored activations and gradients [f32]",
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
    .option("workers", { type: "number", describe: "threads that decode volumes" })
    .option("json", { type: "boolean", default: false, describe: "print a JSON line an epoch" });

/** Flags that say how a network differs from its preset. */
const networkFlags = [
  "block",
  "skip",
  "gatingSignal",
  "upsampling",
  "norm",
  "groups",
  "activation",
  "growth",
  "dropout",
  "deepSupervision",
  "bridgeAttentionHeads",
] as const;

/** The settings that were given as flags, in the form of config.json. */
export function settingsOf(args: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const names: readonly (readonly [flag: string, setting: string])[] = [
    ["data", "data"],
    ["epochs", "epochs"],
    ["batch", "batch"],
    ["microBatch", "microBatch"],
    ["size", "size"],
    ["baseFeatures", "baseFeatures"],
    ["model", "model"],
    ["depth", "depth"],
    ["lr", "learningRate"],
    ["schedule", "schedule"],
    ["warmupSteps", "warmupSteps"],
    ["precision", "precision"],
    ["window", "window"],
    ["maxSlices", "maxSlices"],
    ["limitCases", "limitCases"],
    ["seed", "seed"],
    ["overfitBatches", "overfitBatches"],
    ["fastDevRun", "fastDevRun"],
    ["checkpointEvery", "checkpointEvery"],
  ];
  const givenOf = (flags: readonly (readonly [flag: string, setting: string])[]): Record<string, unknown> =>
    Object.fromEntries(
      flags.flatMap(([flag, setting]) => {
        const value = args[flag];
        if (value === undefined) return [];
        // Of a flag that is given twice the last one counts.
        return [[setting, Array.isArray(value) && flag !== "window" ? value.at(-1) : value] as const];
      }),
    );
  const network = givenOf([["network", "preset"], ...networkFlags.map((flag) => [flag, flag] as const)]);
  return {
    ...givenOf(names),
    ...(Object.keys(network).length > 0 ? { network } : {}),
    ...(args.augment === true ? { augmentation: usualAugmentation } : {}),
  };
}

export const presetOf = (value: unknown): PresetName | null => (value === "liver" || value === "vessel" ? value : null);
