import { ShapeError } from "@lobule/tensor";
import type { Activation } from "../layers/activation.js";
import type { Normalization } from "../layers/normalization.js";

/** What a U-Net is made of, besides its sizes. */
export interface UNetSpec {
  /** Channels of a level over those of the level above, rounded to whole channels. */
  readonly growth: number;
  /**
   * plain: two convolutions; residual: with a shortcut around them; residual-squeeze-excite: with squeeze-and-excite
   * before the sum; residual-separable: with depthwise separable convolutions in place of the full ones.
   */
  readonly block: "plain" | "residual" | "residual-squeeze-excite" | "residual-separable";
  /** How the encoder's features join the decoder's: behind them, added, or gated and then behind them. */
  readonly skip: "concat" | "add" | "attention-gate" | "attention-gate-norm";
  /** What opens the gates: the up-sampled features, or those of the level below as they are. */
  readonly gatingSignal: "upsampled" | "coarse";
  readonly upsampling: "transposed" | "bilinear";
  readonly norm: Normalization;
  /** Groups of channels, where the normalization goes by groups. */
  readonly groups: number;
  readonly activation: Activation;
  /** Probability that a block's output channel is dropped in training. */
  readonly dropout: number;
  /** How many decoder levels below the last have logits of their own, which the loss takes in. */
  readonly deepSupervision: number;
  /** Heads of the self-attention in the bridge; 0 for none. */
  readonly bridgeAttentionHeads: number;
  /**
   * Blocks of each level of the encoder, the first one's first; levels below those that are listed, the bridge too, have as
   * many as the last of them. One everywhere where it is not there. A level of the decoder has one always.
   */
  readonly encoderBlocks?: readonly number[] | undefined;
}

/** The reference network's. */
export const referenceSpec: UNetSpec = {
  growth: 2,
  block: "residual",
  skip: "attention-gate",
  gatingSignal: "upsampled",
  upsampling: "transposed",
  norm: "batch",
  groups: 8,
  activation: "relu",
  dropout: 0,
  deepSupervision: 0,
  bridgeAttentionHeads: 0,
};

/** Networks that have a name; each is the reference but for what is listed. */
export const unetPresets = {
  unet: { block: "plain", skip: "concat" },
  "res-unet": { skip: "concat" },
  "attention-unet": { block: "plain" },
  "attention-res-unet": {},
  // Block counts, normalization and activation of nnU-Net's residual encoders (Isensee et al. 2024, "nnU-Net Revisited"), with
  // this U-Net's pooling and a residual block a level in the decoder.
  "res-enc-unet": {
    skip: "concat",
    norm: "instance",
    activation: "leaky-relu",
    encoderBlocks: [1, 3, 4, 6],
  },
  "attention-res-unet-plus": { block: "residual-squeeze-excite", deepSupervision: 2, bridgeAttentionHeads: 4 },
} as const satisfies Readonly<Record<string, Partial<UNetSpec>>>;

/** The name of a network. */
export type UNetPreset = keyof typeof unetPresets;

/** The sizes of a U-Net: channels of the first level, and poolings between the image and the bridge. */
export interface UNetSizes {
  readonly baseFeatures: number;
  readonly depth: number;
}

/** Channels of each level, the bridge last. */
export const levelChannels = ({ baseFeatures, depth }: UNetSizes, { growth }: Pick<UNetSpec, "growth">): number[] =>
  Array.from({ length: depth + 1 }, (_, level) => Math.round(baseFeatures * growth ** level));

/** How many blocks a level of the encoder has, the bridge at level `depth`. */
export const blocksOfLevel = ({ encoderBlocks = [1] }: Pick<UNetSpec, "encoderBlocks">, level: number): number =>
  encoderBlocks[Math.min(level, encoderBlocks.length - 1)] ?? 1;

/** Why a network of these sizes cannot be built so, in one sentence that says what can; undefined where it can. */
export function specProblem(sizes: UNetSizes, spec: UNetSpec): string | undefined {
  const { depth } = sizes;
  const { growth, norm, groups, skip, gatingSignal, dropout, deepSupervision, bridgeAttentionHeads: heads } = spec;
  if (!(growth >= 1 && growth <= 4)) return `growth must be from 1 to 4, got ${growth}`;
  if (!(dropout >= 0 && dropout < 1)) return `dropout must be from 0 to below 1, got ${dropout}`;
  const channels = levelChannels(sizes, spec);
  if (norm === "group") {
    const bad = channels.findIndex((count) => count % groups !== 0);
    if (!Number.isSafeInteger(groups) || groups < 1 || bad >= 0) {
      const fitting = divisors(channels.reduce(greatestCommonDivisor));
      return `${groups} groups do not divide the ${channels[bad] ?? channels[0]} channels of level ${Math.max(bad, 0)}; ${oneOf(fitting)} would fit`;
    }
  }
  if (gatingSignal === "coarse" && !skip.startsWith("attention-gate")) {
    return `a coarse gating signal needs gates, and skip is ${skip}; use attention-gate or attention-gate-norm`;
  }
  if (!Number.isSafeInteger(deepSupervision) || deepSupervision < 0 || deepSupervision > depth - 1) {
    return `deepSupervision must be from 0 to ${depth - 1} with depth ${depth}, got ${deepSupervision}`;
  }
  const { encoderBlocks = [1] } = spec;
  if (encoderBlocks.length === 0) return "encoderBlocks must have a count for one level at least, got none";
  const wrong = encoderBlocks.find((count) => !Number.isSafeInteger(count) || count < 1 || count > 16);
  if (wrong !== undefined) return `encoderBlocks must be whole numbers from 1 to 16, got ${wrong}`;
  const bottom = channels.at(-1) ?? 0;
  if (!Number.isSafeInteger(heads) || heads < 0 || (heads > 0 && bottom % heads !== 0)) {
    return `${heads} heads do not divide the ${bottom} channels of the bridge; 0 (none), ${oneOf(divisors(bottom).slice(0, 6))} would fit`;
  }
  return undefined;
}

/** @throws ShapeError naming the network and what would be possible. */
export function checkSpec(name: string, sizes: UNetSizes, spec: UNetSpec): void {
  const problem = specProblem(sizes, spec);
  if (problem !== undefined) throw new ShapeError(`${name}: ${problem}`);
}

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));
const divisors = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => i + 1).filter((each) => count % each === 0);
const oneOf = (numbers: readonly number[]): string =>
  numbers.length < 2 ? numbers.join("") : `${numbers.slice(0, -1).join(", ")} or ${numbers.at(-1)}`;
