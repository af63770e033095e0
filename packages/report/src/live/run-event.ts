import type { EpochRecord, RunStatus, StepCost, TrainingConfig } from "@lobule/train";

/** What a run is, as it begins or is resumed. */
export interface LiveRun {
  /** The folder, such as "/runs/first". */
  readonly directory: string;
  readonly config: TrainingConfig;
  /** Names of the classes, background first. */
  readonly classes: readonly string[];
  /** Epochs to train at most. */
  readonly epochs: number;
  /** Steps of all epochs, and those that are done already. */
  readonly steps: { readonly all: number; readonly done: number };
  /** Slices of an epoch. */
  readonly slices: { readonly training: number; readonly validation: number };
  /** A training step by its plan: `peakBytes` is the memory on the device that is predicted. */
  readonly cost: StepCost;
  /** Epochs that were over before, rising. */
  readonly records: readonly EpochRecord[];
}

/** A training step whose metrics were read. */
export interface LiveStep {
  /** Since the start of the run, from 1. */
  readonly step: number;
  readonly loss: number;
  readonly learningRate: number;
  /** Soft Dice by class, background first. */
  readonly dice: readonly number[];
}

/** How fast an epoch is, and how far. */
export interface RunPace {
  /** From 0. */
  readonly epoch: number;
  /** Steps of this epoch that are done, of all. */
  readonly step: number;
  readonly steps: number;
  readonly slicesPerSecond: number;
  /** Share of the time that was spent waiting for data, 0 to 1. */
  readonly waitedShare: number;
  /** Until the end of this epoch's training. */
  readonly secondsLeft: number;
  /** Bytes of the buffers that this program has on the device now. */
  readonly liveBytes: number;
}

/** A validation slice that was labeled badly. */
export interface LiveSlice {
  readonly caseName: string;
  /** As people count slices of this case. */
  readonly slice: number;
  /** By class, background first; null where truth and prediction lack the class. */
  readonly dice: readonly (number | null)[];
  /** PNG pictures as data: addresses: the scan with the outlines of the truth, and of the prediction. */
  readonly truth: string;
  readonly prediction: string;
}

/**
 * What happens to a run that trains, each a JSON value, so that they go from a worker to its page, or from a server to a
 * browser. Numbers that are not finite become null in JSON.
 */
export type RunEvent =
  | { readonly kind: "opened"; readonly run: LiveRun }
  | { readonly kind: "decoded"; readonly done: number; readonly total: number; readonly name: string }
  | { readonly kind: "steps"; readonly steps: readonly LiveStep[] }
  | { readonly kind: "pace"; readonly pace: RunPace }
  | { readonly kind: "validating"; readonly done: number; readonly total: number }
  | { readonly kind: "epoch"; readonly record: EpochRecord }
  /** Those that the last epoch's validation found labeled worst, worst first. */
  | { readonly kind: "worst"; readonly slices: readonly LiveSlice[] }
  /** The cases that the run held out, after training is over, for its report. */
  | { readonly kind: "measuring"; readonly done: number; readonly total: number }
  | { readonly kind: "note"; readonly text: string }
  | { readonly kind: "ended"; readonly status: Exclude<RunStatus, "running"> };
