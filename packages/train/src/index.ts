export { Adam, type AdamOptions, OptimizerStateError } from "./adam.js";
export {
  type DiceCounts,
  type DiceScores,
  diceCounts,
  diceScores,
  meanDiceByClass,
  pooledCounts,
  scoresOf,
} from "./dice-scores.js";
export { EarlyStopping, type EarlyStoppingOptions, type EarlyStoppingState } from "./early-stopping.js";
export { LossScaler, type LossScalerOptions } from "./loss-scaler.js";
export {
  ReduceLROnPlateau,
  type ReduceLROnPlateauOptions,
  type ReduceLROnPlateauState,
} from "./reduce-lr-on-plateau.js";
