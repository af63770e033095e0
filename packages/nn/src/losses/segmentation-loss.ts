import type { Image } from "@lobule/tensor";
import { type BoundaryCrossEntropyOptions, boundaryCrossEntropy } from "./boundary-cross-entropy.js";
import { type DiceCrossEntropyOptions, diceCrossEntropy } from "./dice-cross-entropy.js";
import { type DiceFocalOptions, diceFocal } from "./dice-focal.js";
import { type GeneralizedDiceOptions, generalizedDice } from "./generalized-dice.js";
import type { SegmentationLoss, Target } from "./target.js";
import { type TopKDiceOptions, topKDice } from "./top-k-dice.js";
import { type TverskyOptions, tversky } from "./tversky.js";
import { type WeightedDiceCrossEntropyOptions, weightedDiceCrossEntropy } from "./weighted-dice-cross-entropy.js";

/** A loss by its name, with its parameters; plain data, as a configuration holds it. */
export type SegmentationLossSpec =
  | ({ readonly kind: "dice-ce" } & DiceCrossEntropyOptions)
  | ({ readonly kind: "weighted-dice-ce" } & WeightedDiceCrossEntropyOptions)
  | ({ readonly kind: "focal" } & Pick<DiceFocalOptions, "gamma" | "classWeights">)
  | ({ readonly kind: "dice-focal" } & DiceFocalOptions)
  | ({ readonly kind: "top-k-dice-ce" } & TopKDiceOptions)
  | ({ readonly kind: "generalized-dice-ce" } & GeneralizedDiceOptions)
  | ({ readonly kind: "tversky" } & TverskyOptions)
  | ({ readonly kind: "boundary-ce" } & BoundaryCrossEntropyOptions);

/**
 * The loss that a spec stands for: {@link diceCrossEntropy}, {@link weightedDiceCrossEntropy}, {@link diceFocal} (for
 * "focal" without its Dice term), {@link topKDice}, {@link generalizedDice}, {@link tversky} or
 * {@link boundaryCrossEntropy}, where the equations are.
 *
 * logits [n, classes, h, w], target [n, h, w] (class index) → scalars.
 * @throws ShapeError when class weights, target and logits do not fit together.
 */
export function segmentationLoss(logits: Image, target: Target, spec: SegmentationLossSpec): SegmentationLoss {
  switch (spec.kind) {
    case "dice-ce":
      return diceCrossEntropy(logits, target, spec);
    case "weighted-dice-ce":
      return weightedDiceCrossEntropy(logits, target, spec);
    case "focal":
      return diceFocal(logits, target, { ...spec, lambdaFocal: 1, lambdaDice: 0 });
    case "dice-focal":
      return diceFocal(logits, target, spec);
    case "top-k-dice-ce":
      return topKDice(logits, target, spec);
    case "generalized-dice-ce":
      return generalizedDice(logits, target, spec);
    case "tversky":
      return tversky(logits, target, spec);
    case "boundary-ce":
      return boundaryCrossEntropy(logits, target, spec);
  }
}
