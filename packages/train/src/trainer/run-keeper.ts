import type { EpochRecord } from "../run/epoch-record.js";
import type { StepMetrics } from "./batch-runner.js";
import type { SampleSlice } from "./sample-slices.js";

/** A training step whose metrics were read. */
export interface StepRecord extends StepMetrics {
  /** Since the start of the run, from 1. */
  readonly step: number;
  readonly learningRate: number;
}

/** Keeps what a run says of itself elsewhere than in its checkpoints and metrics, such as in TensorBoard's files. */
export interface RunKeeper {
  /** Oldest first, before a checkpoint that has them is saved. */
  steps(steps: readonly StepRecord[]): Promise<void>;
  /** Before the epoch's checkpoints are saved. */
  epoch(record: EpochRecord): Promise<void>;
  /**
   * After they are saved, so that what takes time here is lost with a kill, and not the epoch.
   * @param samples labels some validation slices, the same in every epoch, by the weights of this one.
   */
  saved(record: EpochRecord, samples: () => Promise<SampleSlice[]>): Promise<void>;
}
