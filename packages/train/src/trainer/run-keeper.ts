import type { EpochRecord } from "../run/epoch-record.js";
import type { StepMetrics } from "../run/epoch-sums.js";
import type { TrainingOutcome } from "../run/training-state.js";
import type { SampleSlice } from "./sample-slices.js";

/** A training step whose metrics were read. */
export interface StepRecord extends StepMetrics {
  /** Since the start of the run, from 1. */
  readonly step: number;
  readonly learningRate: number;
}

/** How a run stands: it trains, it was stopped before its end, its training is over, or an error ended it. */
export type RunStatus = "running" | TrainingOutcome | { readonly error: string };

/** Labels validation slices by the weights of the epoch that is over. Memory on the device is taken for a call only. */
export interface LabeledSlices {
  /** Some, the same in every epoch. */
  samples(): Promise<SampleSlice[]>;
  /** Those that this epoch's validation found labeled worst, worst first. */
  worst(): Promise<SampleSlice[]>;
}

/** Keeps records of the steps and epochs of a run while it trains. */
export interface EpochKeeper {
  /** Oldest first, before a checkpoint that has them is saved. */
  steps(steps: readonly StepRecord[]): Promise<void>;
  /** Before the epoch's checkpoints are saved. */
  epoch(record: EpochRecord): Promise<void>;
  /** After they are saved, so that what takes time here is lost with a kill, and not the epoch. */
  saved(record: EpochRecord, slices: LabeledSlices): Promise<void>;
}

/** Keeps what a run says of itself elsewhere than in its checkpoints and metrics, such as a report that is looked at. */
export interface RunKeeper extends EpochKeeper {
  /** Before the first step of a run that begins or is resumed. */
  begun(): Promise<void>;
  /** After the last step. */
  ended(status: Exclude<RunStatus, "running">): Promise<void>;
  close(): Promise<void>;
}
