import { unetPresets } from "@lobule/nn";
import { sameJson } from "../json/same-json.js";
import { networkSpec } from "../model/network-settings.js";
import { usualAugmentation } from "../settings/augmentation-setting.js";
import { lossSetting } from "../settings/loss-setting.js";
import type { NameOf } from "./check-settings.js";
import { ConfigError } from "./config-error.js";
import { presetSettings, type TrainingConfig } from "./config-schema.js";

/** A setting that another one leaves without effect. */
interface Rule {
  readonly setting: string;
  /** The other setting. */
  readonly beside: string;
  /** What the other one does, behind its name. */
  readonly why: string;
  readonly idle: (config: TrainingConfig) => boolean;
}

const ofSplit: readonly Rule[] = [
  {
    ...{ setting: "trainFraction", beside: "fold", why: "which says what share of the cases is held out" },
    idle: ({ fold }) => fold !== null,
  },
  ...["trainFraction", "splitSeed"].map((setting) => ({
    ...{ setting, beside: "validationCases", why: "which name the cases that are held out" },
    idle: ({ validationCases }: TrainingConfig) => validationCases !== null,
  })),
];

const ofSchedule: readonly Rule[] = ["plateau.factor", "plateau.patience"].map((setting) => ({
  ...{ setting, beside: "schedule", why: "which is not 'plateau' and does not look at progress" },
  idle: ({ schedule }) => schedule !== "plateau",
}));

const ofNetwork: readonly Rule[] = [
  {
    ...{ setting: "network.groups", beside: "network.norm", why: "which does not normalize by groups" },
    idle: ({ network, model, nnunet }) => model === null && nnunet === null && networkSpec(network).norm !== "group",
  },
  ...["preset", ...Object.keys(networkSpec({ preset: "unet" })), "encoderBlocks"].map((part) => ({
    ...{ setting: `network.${part}`, beside: "model", why: "whose code says what the network is" },
    idle: ({ model }: TrainingConfig) => model !== null,
  })),
];

/** How a change of nnU-Net's is, by the probabilities of which one at least must be above 0. */
const howOf: Readonly<Record<string, readonly string[]>> = {
  rotateDegrees: ["rotateProbability"],
  scaleRange: ["scaleProbability"],
  elasticDeviation: ["elasticProbability"],
  elasticCells: ["elasticProbability"],
  noiseDeviation: ["noiseProbability"],
  blurRange: ["blurProbability"],
  brightnessRange: ["brightnessProbability"],
  contrastRange: ["contrastProbability"],
  lowResolutionRange: ["lowResolutionProbability"],
  gammaRange: ["gammaProbability", "invertedGammaProbability"],
};

const ofAugmentation: readonly Rule[] = Object.entries(howOf).map(([how, [first = "", ...others]]) => ({
  ...{ setting: `augmentation.${how}`, beside: `augmentation.${first}`, why: "which is 0, so that nothing is changed" },
  idle: ({ augmentation }) =>
    [first, ...others].every((name) => valueAt({ augmentation }, `augmentation.${name}`) === 0),
}));

const ofLoss: readonly Rule[] = [
  ...["foregroundDice", "batchDice"].map((part) => [part, "lambdaDice"] as const),
  ["share", "lambdaCrossEntropy"] as const,
  ["gamma", "lambdaFocal"] as const,
].map(([part, factor]) => ({
  ...{ setting: `loss.${part}`, beside: `loss.${factor}`, why: "which is 0 and leaves that term out" },
  idle: ({ loss }: TrainingConfig) => valueAt({ loss }, `loss.${factor}`) === 0,
}));

const rules: readonly Rule[] = [...ofSplit, ...ofSchedule, ...ofNetwork, ...ofAugmentation, ...ofLoss];

/**
 * Whether each setting that is not the usual one has an effect beside the others. Of runs that exist this is not asked.
 * @throws ConfigError naming the first that has none, and what leaves it without.
 */
export function requireEffects(config: TrainingConfig, nameOf: NameOf): void {
  const usual = usualBeside(config);
  for (const { setting, beside, why, idle } of rules) {
    const value = valueAt(config, setting);
    if (value === undefined || sameJson(value, valueAt(usual, setting)) || !idle(config)) continue;
    throw new ConfigError(
      `${nameOf(setting.split("."))} has no effect with ${nameOf(beside.split("."))}, ${why}; leave it out`,
    );
  }
  requireLevels(config, nameOf);
}

/** What each setting is where nothing is said of it, of the kinds that a configuration has. */
function usualBeside({ preset, network, augmentation, loss }: TrainingConfig): Readonly<Record<string, unknown>> {
  const { kind } = loss;
  const usual = presetSettings(preset);
  return {
    ...usual,
    network: { ...networkSpec({ preset: network.preset }), ...usual.network },
    augmentation: augmentation.kind === "nnunet" ? usualAugmentation("nnunet") : usual.augmentation,
    loss: lossSetting.safeParse(kind === "weighted-dice-ce" ? { kind, classWeights: [] } : { kind }).data,
  };
}

function valueAt(config: Readonly<Record<string, unknown>>, path: string): unknown {
  const [group = "", inner] = path.split(".");
  const value = config[group];
  if (inner === undefined) return value;
  return typeof value === "object" && value !== null
    ? new Map<string, unknown>(Object.entries(value)).get(inner)
    : undefined;
}

/** @throws ConfigError when counts of blocks are given for levels that the encoder does not have. */
function requireLevels({ network, model, nnunet, depth }: TrainingConfig, nameOf: NameOf): void {
  const { encoderBlocks } = network;
  const levels = depth + 1;
  if (encoderBlocks === undefined || encoderBlocks.length <= levels || model !== null || nnunet !== null) return;
  // What a preset lists is for networks of any depth.
  if (
    Object.values(unetPresets).some((each) => "encoderBlocks" in each && sameJson(each.encoderBlocks, encoderBlocks))
  ) {
    return;
  }
  throw new ConfigError(
    `${nameOf(["network", "encoderBlocks"])} ${encoderBlocks.join(" ")} is of ${encoderBlocks.length} levels, and with ${nameOf(["depth"])} ${depth} the encoder has ${levels}, the bridge included; leave out what is too much, or make the network deeper`,
  );
}
