import { quadPixels } from "../contract/quads.js";
import type { SoftmaxLossOptions, SoftmaxLossProblem } from "./softmax-loss.js";

export interface SoftmaxLossCase {
  readonly why: string;
  readonly problem: SoftmaxLossProblem;
  readonly options: SoftmaxLossOptions;
  /** Standard deviation of the logits. */
  readonly scale: number;
  /** `blocks`: rectangles with insides and boundaries; `absent`: the last class nowhere; `background`: class 0 everywhere; `foreign`: some labels are no class. */
  readonly labels: "random" | "blocks" | "absent" | "background" | "foreign" | "all-foreign";
  /** Class weights of pixels and of Dice terms; 1 where left out. */
  readonly weights?: readonly [pixel: readonly number[], dice: readonly number[]];
  /** Whether images are read four pixels at a time. */
  readonly byQuads?: true;
}

const diceCrossEntropy: SoftmaxLossOptions = {
  lambdaCrossEntropy: 1,
  lambdaDice: 1,
  smooth: 1e-5,
  gamma: 0,
  tversky: { alpha: 0.5, beta: 0.5 },
  overlap: { of: "class", over: "image" },
  boundary: { radius: 0, weight: 0 },
  normalization: "pixels",
  activation: "softmax",
};
const crossEntropy = { ...diceCrossEntropy, lambdaDice: 0 };
const diceLoss = { ...diceCrossEntropy, lambdaCrossEntropy: 0 };
const batchDice = { of: "class", over: "batch" } as const;
const generalized = { of: "all-classes", over: "image" } as const;
const sizes = (batch: number, classes: number, height: number, width: number): SoftmaxLossProblem => ({
  batch,
  classes,
  height,
  width,
});
const usual = { problem: sizes(2, 3, 7, 9), scale: 1.5, labels: "random" } as const;
const weights = [
  [0.25, 1, 2],
  [2, 0.5, 1],
] as const;

const byPixels: readonly SoftmaxLossCase[] = [
  { ...usual, why: "cross-entropy", options: crossEntropy },
  { ...usual, why: "Dice", options: diceLoss },
  { ...usual, why: "Dice on probabilities", options: { ...diceLoss, activation: "none" } },
  { ...usual, why: "Dice-CE", options: diceCrossEntropy },
  {
    ...usual,
    why: "all weights",
    options: { ...diceCrossEntropy, lambdaCrossEntropy: 0.5, lambdaDice: 2, normalization: "weights" },
    weights,
  },
  { ...usual, why: "weighted, mean over pixels", options: crossEntropy, weights },
  { ...usual, why: "focal", options: { ...crossEntropy, gamma: 2 }, weights },
  { ...usual, why: "focal with a small exponent", options: { ...diceCrossEntropy, gamma: 0.5 } },
  { ...usual, why: "focal with a fractional exponent", options: { ...diceCrossEntropy, gamma: 2.5 } },
  { ...usual, why: "Tversky", options: { ...diceLoss, tversky: { alpha: 0.3, beta: 0.7 } } },
  {
    ...usual,
    why: "Tversky whose weights do not add to one, and cross-entropy",
    options: { ...diceCrossEntropy, tversky: { alpha: 1, beta: 1.5 } },
    weights,
  },
  {
    ...usual,
    why: "Tversky of an absent class",
    options: { ...diceLoss, tversky: { alpha: 0.3, beta: 0.7 } },
    labels: "absent",
  },
  {
    ...usual,
    why: "saturated softmax, Tversky alone",
    options: { ...diceLoss, tversky: { alpha: 0.2, beta: 0.8 } },
    scale: 60,
  },
  {
    ...usual,
    why: "boundaries, one pixel wide",
    options: { ...crossEntropy, normalization: "weights", boundary: { radius: 1, weight: 10 } },
    problem: sizes(2, 3, 15, 17),
    labels: "blocks",
  },
  {
    ...usual,
    why: "boundaries, three pixels wide, with class weights, focal and Dice",
    options: { ...diceCrossEntropy, gamma: 2, boundary: { radius: 3, weight: 2.5 } },
    problem: sizes(2, 3, 15, 17),
    labels: "blocks",
    weights,
  },
  {
    ...usual,
    why: "a label that is no class makes no boundary",
    options: { ...crossEntropy, normalization: "weights", boundary: { radius: 2, weight: 4 } },
    labels: "foreign",
  },
  { ...usual, why: "batch Dice", options: { ...diceCrossEntropy, overlap: batchDice } },
  {
    ...usual,
    why: "batch Dice with weights, Tversky, several segments and more images than the last stage has lanes",
    options: { ...diceCrossEntropy, tversky: { alpha: 0.3, beta: 0.8 }, overlap: batchDice },
    problem: sizes(90, 3, 17, 16),
    weights,
  },
  { ...usual, why: "generalized Dice", options: { ...diceLoss, overlap: generalized } },
  {
    ...usual,
    why: "generalized Dice of an absent class, background left out",
    options: { ...diceCrossEntropy, overlap: generalized },
    labels: "absent",
    weights: [
      [1, 1, 1],
      [0, 1, 1],
    ],
  },
  {
    ...usual,
    why: "generalized Dice over the batch",
    options: { ...diceLoss, overlap: { ...generalized, over: "batch" } },
  },
  { ...usual, why: "generalized Dice, saturated softmax", options: { ...diceLoss, overlap: generalized }, scale: 60 },
  {
    ...usual,
    why: "generalized Dice where no label is a class",
    options: { ...diceLoss, overlap: generalized },
    labels: "all-foreign",
  },
  { ...usual, why: "an absent class", options: diceCrossEntropy, labels: "absent" },
  { ...usual, why: "nothing but background", options: diceCrossEntropy, labels: "background" },
  { ...usual, why: "labels that are no class", options: diceCrossEntropy, labels: "foreign" },
  { ...usual, why: "no label is a class", options: diceCrossEntropy, labels: "all-foreign" },
  { ...usual, why: "saturated softmax", options: diceCrossEntropy, scale: 60 },
  { ...usual, why: "saturated softmax, focal", options: { ...diceCrossEntropy, gamma: 2 }, scale: 60 },
  { ...usual, why: "saturated softmax, Dice alone", options: diceLoss, scale: 60 },
  { ...usual, why: "one pixel", options: diceCrossEntropy, problem: sizes(1, 3, 1, 1) },
  { ...usual, why: "one class", options: diceCrossEntropy, problem: sizes(1, 1, 3, 5) },
  { ...usual, why: "two classes, one row", options: diceCrossEntropy, problem: sizes(3, 2, 1, 70) },
  { ...usual, why: "the most classes", options: diceCrossEntropy, problem: sizes(2, 16, 5, 6) },
  { ...usual, why: "several segments", options: diceCrossEntropy, problem: sizes(2, 5, 33, 41) },
  {
    ...usual,
    why: "more images than the last stage has lanes",
    options: diceCrossEntropy,
    problem: sizes(130, 3, 4, 3),
  },
  { ...usual, why: "longer segments", options: diceCrossEntropy, problem: sizes(9, 2, 250, 261) },
];

/** The same problems with rows of whole quads, read so: all but those whose pixels look around, of few classes, for compilers on the CPU. */
const byQuads = byPixels
  .filter(({ problem, options }) => options.boundary.radius === 0 && problem.classes <= 3)
  .map(({ why, problem, ...rest }): SoftmaxLossCase => {
    const width = quadPixels * Math.max(1, Math.floor(problem.width / quadPixels));
    return { ...rest, why: `by quads: ${why}`, problem: { ...problem, width }, byQuads: true };
  });

/** Problems that are checked. */
export const softmaxLossCases: readonly SoftmaxLossCase[] = [...byPixels, ...byQuads];
