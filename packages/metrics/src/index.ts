/**
 * Dice readings, surface distances, volumes, bootstrap intervals and paired tests, on the CPU.
 *
 * @module @lobule/metrics
 */

export { type BootstrapOptions, bootstrapDifference, bootstrapInterval, type Interval } from "./bootstrap.js";
export { boxOfParts } from "./box-of-parts.js";
export { type ClassComponent, type ComponentRule, classComponents, cleanComponents } from "./clean-components.js";
export {
  type CaseReading,
  caseDice,
  DiceAccumulator,
  type DiceReadings,
  type DiceTally,
  diceReadings,
  emptyRules,
  meanOf,
  type Reading,
} from "./dice-readings.js";
export {
  type DiceCounts,
  type DiceScores,
  diceCounts,
  diceScores,
  meanDiceByClass,
  pooledCounts,
  scoresOf,
} from "./dice-scores.js";
export {
  type CaseResult,
  type ClassMeasures,
  type EvaluateCaseOptions,
  evaluateCase,
  type VolumeMeasures,
} from "./evaluate-case.js";
export { type LargestComponentOptions, largestComponent } from "./largest-component.js";
export { quantile } from "./quantile.js";
export { defaultEdge, type VolumeEdge, volumeEdges } from "./surface-distance.js";
export { holmAdjusted } from "./tests/holm.js";
export { type SignTest, signTest } from "./tests/sign-test.js";
export { type WilcoxonTest, wilcoxonSignedRank } from "./tests/wilcoxon.js";
