import type { SegmentationLossSpec } from "@lobule/nn";
import { z } from "zod";

const factor = z.number().min(0);
const gamma = z.number().min(0).default(2);
const weights = z.array(factor).describe("a weight for each class, the background's first");

/** What a run minimizes; the equations are in @lobule/nn. */
export const lossSetting = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("dice-ce"),
    lambdaCrossEntropy: factor.default(1),
    lambdaDice: factor.default(1),
  }),
  z.strictObject({
    kind: z.literal("weighted-dice-ce"),
    classWeights: weights,
    lambdaCrossEntropy: factor.default(1),
    lambdaDice: factor.default(1),
  }),
  z.strictObject({ kind: z.literal("focal"), gamma, classWeights: weights.nullable().default(null) }),
  z.strictObject({
    kind: z.literal("dice-focal"),
    gamma,
    classWeights: weights.nullable().default(null),
    lambdaFocal: factor.default(1),
    lambdaDice: factor.default(1),
  }),
  z.strictObject({
    kind: z.literal("tversky"),
    /** Of false positives. */
    alpha: z.number().positive().default(0.3),
    /** Of false negatives. */
    beta: z.number().positive().default(0.7),
  }),
  z.strictObject({
    kind: z.literal("boundary-ce"),
    /** What a pixel near a boundary weighs besides its class. */
    boundaryWeight: z.number().positive().default(10),
    /** How near, in pixels of the network's input. */
    boundaryRadius: z.int().min(1).max(8).default(2),
    classWeights: weights.nullable().default(null),
  }),
]);

type LossSetting = z.output<typeof lossSetting>;

export const defaultLoss: LossSetting = { kind: "dice-ce", lambdaCrossEntropy: 1, lambdaDice: 1 };

/** Class weights of a loss whose count does not fit the classes, as a sentence; undefined where they fit. */
export function misfitOfWeights(loss: LossSetting, classes: readonly string[]): string | undefined {
  const given = "classWeights" in loss ? loss.classWeights : null;
  if (given === null || given.length === classes.length) return undefined;
  return `the loss ${loss.kind} has ${given.length} class weights, the data have ${classes.length} classes (${classes.join(", ")}); give a weight for each, the background's first`;
}

/** A loss in words, such as "tversky, alpha 0.3, beta 0.7". Losses with the same words are the same. */
export const lossText = ({ kind, ...parameters }: LossSetting): string =>
  [
    kind,
    ...Object.entries(parameters).map(([name, value]: [string, number | number[] | null]) => {
      const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
      return `${words} ${Array.isArray(value) ? value.join(":") : (value ?? "none")}`;
    }),
  ].join(", ");

interface Term {
  readonly name: string;
  /** What its numbers are. */
  readonly quantity: string;
}

/** What the three losses that are recorded are for a run: their sum, the term by pixels, the term by overlap. */
export interface LossTerms {
  readonly loss: string;
  readonly pixelLoss: Term;
  readonly overlapLoss: Term;
}

const pixelLoss = { name: "Cross-entropy", quantity: "nats a pixel" };
const overlapLoss = { name: "Dice loss", quantity: "1 − soft Dice, mean over classes" };
const focal = { name: "Focal loss", quantity: "mean over pixels" };
const notTrained = ({ name, quantity }: Term): Term => ({ name, quantity: `${quantity}; not in the loss` });

const terms: Readonly<Record<SegmentationLossSpec["kind"], LossTerms>> = {
  "dice-ce": { loss: "cross-entropy + Dice loss", pixelLoss, overlapLoss },
  "weighted-dice-ce": {
    loss: "weighted cross-entropy + weighted Dice loss",
    pixelLoss: { name: "Weighted cross-entropy", quantity: "nats, mean by the pixels' weights" },
    overlapLoss: { name: "Weighted Dice loss", quantity: "weight times 1 − soft Dice, mean over classes" },
  },
  focal: { loss: "focal loss", pixelLoss: focal, overlapLoss: notTrained(overlapLoss) },
  "dice-focal": { loss: "focal loss + Dice loss", pixelLoss: focal, overlapLoss },
  tversky: {
    loss: "Tversky loss",
    pixelLoss: notTrained(pixelLoss),
    overlapLoss: { name: "Tversky loss", quantity: "1 − Tversky index, mean over classes" },
  },
  "boundary-ce": {
    loss: "boundary-weighted cross-entropy",
    pixelLoss: { name: "Boundary-weighted cross-entropy", quantity: "nats, mean by the pixels' weights" },
    overlapLoss: notTrained(overlapLoss),
  },
};

/** The terms that a loss is the sum of. */
export const termsOf = (kind: SegmentationLossSpec["kind"]): LossTerms => terms[kind];

/**
 * The loss of a run by its config.json; undefined where that has none that this version knows. Runs of versions without
 * the setting had the default one.
 */
export function lossOfConfig(config: unknown): LossSetting | undefined {
  const result = z.looseObject({ loss: lossSetting.default(defaultLoss) }).safeParse(config);
  return result.success ? result.data.loss : undefined;
}
