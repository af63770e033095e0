import { plural } from "@lobule/data";
import type { SegmentationLossSpec } from "@lobule/nn";
import { z } from "zod";

const factor = z.number().min(0);
const gamma = factor.default(2).describe("exponent of the focal loss");
const title = "a weight for each class, the background's first";
const weights = z.array(factor).meta({ title, description: "weight of each class, the background's first" });
const optionalWeights = weights
  .nullable()
  .default(null)
  .describe("weight of each class, the background's first; by default all are 1");
const lambdaCrossEntropy = factor.default(1).describe("factor of the cross-entropy");
const lambdaDice = factor.default(1).describe("factor of the Dice loss");

const overlap = {
  foregroundDice: z.boolean().default(false).describe("leave the background out of the overlap term"),
  batchDice: z
    .boolean()
    .default(false)
    .describe("take overlaps over the slices that are run at once, not of each slice"),
};

const kind = "what is minimized, in training and validation";

/** What a run minimizes; the equations are in @lobule/nn. */
export const lossSetting = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("dice-ce").describe(kind), lambdaCrossEntropy, lambdaDice, ...overlap }),
  z.strictObject({
    kind: z.literal("weighted-dice-ce").describe(kind),
    classWeights: weights,
    lambdaCrossEntropy,
    lambdaDice,
    ...overlap,
  }),
  z.strictObject({ kind: z.literal("focal").describe(kind), gamma, classWeights: optionalWeights }),
  z.strictObject({
    kind: z.literal("dice-focal").describe(kind),
    gamma,
    classWeights: optionalWeights,
    lambdaFocal: factor.default(1).describe("factor of the focal loss"),
    lambdaDice,
    ...overlap,
  }),
  z.strictObject({
    kind: z.literal("top-k-dice-ce").describe(kind),
    share: z
      .number()
      .gt(0)
      .max(1)
      .default(0.1)
      .describe("share of the pixels, those of the largest cross-entropy, that count"),
    lambdaCrossEntropy,
    lambdaDice,
    ...overlap,
  }),
  z.strictObject({ kind: z.literal("generalized-dice-ce").describe(kind), lambdaCrossEntropy, lambdaDice, ...overlap }),
  z.strictObject({
    kind: z.literal("tversky").describe(kind),
    alpha: z.number().positive().default(0.3).describe("weight of false positives in the Tversky loss"),
    beta: z.number().positive().default(0.7).describe("weight of false negatives in the Tversky loss"),
    ...overlap,
  }),
  z.strictObject({
    kind: z.literal("boundary-ce").describe(kind),
    boundaryWeight: z.number().positive().default(10).describe("what is added to a pixel's weight near a boundary"),
    boundaryRadius: z.int().min(1).max(8).default(2).describe("how near a boundary, in pixels of the network's input"),
    classWeights: optionalWeights,
  }),
]);

type LossSetting = z.output<typeof lossSetting>;

/** Whether a loss has a term of overlap, whose parts a plan can choose. */
export const hasOverlap = (of: LossSetting["kind"]): boolean =>
  lossSetting.options.some(({ shape }) => shape.kind.value === of && "batchDice" in shape);

export const defaultLoss: LossSetting = lossSetting.parse({ kind: "dice-ce" });

/** Class weights of a loss whose count does not fit the classes, as a sentence; undefined where they fit. */
export function misfitOfWeights(loss: LossSetting, classes: readonly string[]): string | undefined {
  const given = "classWeights" in loss ? loss.classWeights : null;
  if (given === null || given.length === classes.length) return undefined;
  return `the loss ${loss.kind} has ${plural(given.length, "class weight")}, the data have ${classes.length} classes (${classes.join(", ")}); give a weight for each, the background's first`;
}

/**
 * A loss in words, such as "tversky, alpha 0.3, beta 0.7, batch dice". Losses with the same words are the same; what is
 * switched off is not said.
 */
export const lossText = ({ kind, ...parameters }: LossSetting): string =>
  [
    kind,
    ...Object.entries(parameters).flatMap(([name, value]: [string, number | number[] | boolean | null]) => {
      const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
      if (typeof value === "boolean") return value ? [words] : [];
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
  "top-k-dice-ce": {
    loss: "top-k cross-entropy + Dice loss",
    pixelLoss: { name: "Top-k cross-entropy", quantity: "nats, mean over the hardest pixels" },
    overlapLoss,
  },
  "generalized-dice-ce": {
    loss: "cross-entropy + generalized Dice loss",
    pixelLoss,
    overlapLoss: { name: "Generalized Dice loss", quantity: "1 − generalized Dice" },
  },
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
