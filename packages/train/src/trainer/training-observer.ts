import type { EpochRecord } from "../run/epoch-record.js";
import type { RankEffort } from "./ranks.js";

/** How far an epoch is, and its means so far. */
export interface StepProgress {
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly steps: number;
  /** Means of the epoch so far. */
  readonly loss: number;
  /** Soft Dice by class. */
  readonly dice: readonly number[];
  readonly learningRate: number;
  readonly slicesPerSecond: number;
  /** Share of the time that was spent waiting for data. */
  readonly waitedShare: number;
  /** Where several processes train together. */
  readonly ranks?: RankEffort;
  /** Until the end of this epoch's training. */
  readonly secondsLeft: number;
}

/** Is told how training goes. */
export interface TrainingObserver {
  step?(progress: StepProgress): void;
  validating?(done: number, total: number): void;
  epoch?(record: EpochRecord): void;
  /** Something that the user should know, and that does not end the run. */
  note?(text: string): void;
}
