import type { LossScaleRule } from "./loss-scale.js";

export interface LossScaleState {
  readonly scale: number;
  readonly goodSteps: number;
  readonly takenSteps: number;
}

/** Overflow: scale·backoff, goodSteps 0, no step; else a step, and every growthInterval of them scale·growth. */
export function lossScaleReference(
  { scale, goodSteps, takenSteps }: LossScaleState,
  overflow: boolean,
  { growthFactor, backoffFactor, growthInterval }: LossScaleRule,
): LossScaleState {
  if (overflow) return { scale: scale * backoffFactor, goodSteps: 0, takenSteps };
  const grows = goodSteps + 1 === growthInterval;
  const grown = Math.fround(scale * growthFactor);
  return {
    scale: grows && Number.isFinite(grown) ? grown : scale,
    goodSteps: grows ? 0 : goodSteps + 1,
    takenSteps: takenSteps + 1,
  };
}
