import { plural } from "@lobule/data";
import { bytesText, wrap } from "../shared/text.js";
import type { StepTimes } from "./step-time.js";

/** What a cross-validation is going to do, by headers and plans. */
export interface PlannedFolds {
  readonly folds: number;
  readonly cases: number;
  /** Slices of all cases, and voxels of them together. */
  readonly slices: number;
  readonly voxels: number;
  /** Images of a case, of as many voxels each. */
  readonly channels: number;
  /** Of one fold: slices that are trained on and those that are held out. */
  readonly training: number;
  readonly heldOut: number;
  /** Slices and steps of an epoch of training. */
  readonly slicesOfEpoch: number;
  readonly stepsOfEpoch: number;
  readonly epochs: number;
  /** Numbers that training changes. */
  readonly parameters: number;
  /** Copies of them that a checkpoint to be resumed from holds besides the weights. */
  readonly moments: number;
  /** Bytes on the device for a step. */
  readonly peakBytes: number;
}

/** Memory, disk and time of a cross-validation. */
export interface PredictedCost {
  readonly deviceBytes: number;
  readonly cacheBytes: number;
  readonly checkpointBytes: number;
  /** Seconds: decoding once, an epoch, all epochs of all folds, measuring all cases. */
  readonly decoding: number;
  readonly epoch: number;
  readonly training: number;
  readonly measuring: number;
}

/** Of the rehearsal of Task03 and Task08 on two cores (bench/RESULTS.md, 2026-11-30), for slices of 512². */
const rehearsed = {
  /** 901 slices decoded in 22.7 s. */
  decodedVoxelsPerSecond: (901 / 22.7) * 512 ** 2,
  /** A case measured in 6.2 s, of 30 with 2,121 slices. */
  measuredVoxelsPerSecond: (2121 / 30 / 6.2) * 512 ** 2,
  /** Slices a second that are read beside the steps (2026-11-27). */
  readVoxelsPerSecond: 2466 * 512 ** 2,
} as const;

/** Bytes of a decoded voxel: an int16 of each channel, and its label. */
const bytesOfVoxel = (channels: number): number => 2 * channels + 1;

/**
 * Predicts what a cross-validation takes: the counts are exact but for early stopping, the times are derived; those of decoding,
 * reading and measuring, which were measured of one channel, go by the bytes of a voxel where there are several.
 */
export function predictCost(planned: PlannedFolds, times: StepTimes): PredictedCost {
  const { folds, slices, voxels, channels, heldOut, slicesOfEpoch, stepsOfEpoch, epochs } = planned;
  const { parameters, moments, peakBytes } = planned;
  const cacheBytes = voxels * bytesOfVoxel(channels);
  // As many voxels of one channel have as many bytes.
  const alike = cacheBytes / bytesOfVoxel(1);
  const steps = (stepsOfEpoch * times.training) / 1000;
  const reading = (slicesOfEpoch * (alike / slices)) / rehearsed.readVoxelsPerSecond;
  const epoch = Math.max(steps, reading) + (heldOut * times.validation) / 1000;
  return {
    deviceBytes: peakBytes,
    cacheBytes,
    // The best epoch's weights, and the last ones with what training goes on from.
    checkpointBytes: folds * 4 * parameters * (2 + moments),
    decoding: alike / rehearsed.decodedVoxelsPerSecond,
    epoch,
    training: folds * epochs * epoch,
    // For the report of each run, and for the figures.
    measuring: 2 * (alike / rehearsed.measuredVoxelsPerSecond + (slices * times.validation) / 1000),
  };
}

/** The prediction in lines of at most 80 columns. */
export function costLines(planned: PlannedFolds, cost: PredictedCost, times: StepTimes): string[] {
  const { folds, cases, slices, training, heldOut, stepsOfEpoch, epochs } = planned;
  const line = (name: string, text: string): string => `  ${name.padEnd(10)}${text}`;
  return [
    line("folds", `${folds}; each holds out ${caseCounts(cases, folds)} of ${cases} cases`),
    line("slices", `${count(slices)}; ${count(training)} to train on and ${count(heldOut)} held out in a fold`),
    line("epochs", `${epochs} at most, of ${plural(stepsOfEpoch, "step")}`),
    line("memory", `${bytesText(cost.deviceBytes)} on the device, by the plan of a step`),
    line("disk", `${bytesText(cost.cacheBytes)} of decoded slices, ${bytesText(cost.checkpointBytes)} of checkpoints`),
    line("step", `${times.training.toFixed(1)} ms, and ${times.validation.toFixed(2)} ms a slice in validation`),
    line("epoch", timeText(cost.epoch)),
    line("training", `${timeText(cost.training)} at most, one fold after another`),
    line(
      "besides",
      `${timeText(cost.decoding)} to decode, ${timeText(cost.measuring)} to measure all cases, on two cores`,
    ),
    ...wrap(
      `Derived from measured parts: the step ${times.origin}; decoding, reading and measuring by the rehearsal on two cores (bench/RESULTS.md). Slices are counted by headers, memory by the plan. Nothing was trained.`,
      "",
    ),
  ];
}

const caseCounts = (cases: number, folds: number): string => {
  const [least, most] = [Math.floor(cases / folds), Math.ceil(cases / folds)];
  return least === most ? String(least) : `${least} or ${most}`;
};

const count = (value: number): string => value.toLocaleString("en-US");

/** "45 s", "12 min", "3.5 h". */
function timeText(seconds: number): string {
  if (seconds < 99.5) return `${seconds < 9.95 ? seconds.toFixed(1) : seconds.toFixed(0)} s`;
  if (seconds < 100 * 60) return `${(seconds / 60).toFixed(0)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
