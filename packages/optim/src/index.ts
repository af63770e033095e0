/**
 * Optimizers, schedules, early stopping, averaged weights and loss scaling.
 *
 * @module @lobule/optim
 */

export { Adam, type AdamOptions } from "./adam.js";
export { EarlyStopping, type EarlyStoppingOptions, type EarlyStoppingState } from "./early-stopping.js";
export { learningRateFactor, type ScheduleKind } from "./learning-rate-schedule.js";
export { LossScaler, type LossScalerOptions } from "./loss-scaler.js";
export type { Optimizer, StepOptions } from "./optimizer.js";
export { OptimizerStateError } from "./optimizer-state.js";
export {
  ReduceLROnPlateau,
  type ReduceLROnPlateauOptions,
  type ReduceLROnPlateauState,
} from "./reduce-lr-on-plateau.js";
export { Sgd, type SgdOptions } from "./sgd.js";
export { WeightAverage } from "./weight-average.js";
