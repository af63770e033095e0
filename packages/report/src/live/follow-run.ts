import { diceCounts, scoresOf } from "@lobule/metrics";
import type { EpochRecord, KeptRun, OpenKeeper, RunKeeper, SampleSlice, TrainingObserver } from "@lobule/train";
import { dataUrl } from "../picture/data-url.js";
import { drawSlice } from "../picture/slice-picture.js";
import type { LiveRun, LiveSlice, RunEvent } from "./run-event.js";

/** What a run that is followed is to be opened with; see RunRequest. */
export interface FollowedRun {
  readonly observer: TrainingObserver;
  readonly keeper: OpenKeeper;
  readonly onDecoded: (done: number, total: number, name: string) => void;
}

/**
 * Tells what happens to a run while it trains.
 * @param send must not throw.
 * @param device whose memory is told; it is the one that the run is opened with.
 * @param keeper what keeps the run's records besides.
 */
export function followRun(
  send: (event: RunEvent) => void,
  device: { readonly liveBytes: number },
  keeper: OpenKeeper,
): FollowedRun {
  return {
    onDecoded: (done, total, name) => send({ kind: "decoded", done, total, name }),
    observer: {
      step: ({ epoch, step, steps, slicesPerSecond, waitedShare, secondsLeft }) => {
        const { liveBytes } = device;
        send({ kind: "pace", pace: { epoch, step, steps, slicesPerSecond, waitedShare, secondsLeft, liveBytes } });
      },
      validating: (done, total) => send({ kind: "validating", done, total }),
      note: (text) => send({ kind: "note", text }),
    },
    keeper: async (run) => new Follower(run, send, await keeper(run)),
  };
}

/** Keeps what another keeps, and tells of it. */
class Follower implements RunKeeper {
  constructor(
    private readonly run: KeptRun,
    private readonly send: (event: RunEvent) => void,
    private readonly kept: RunKeeper,
  ) {}

  async begun(): Promise<void> {
    this.send({ kind: "opened", run: await liveRun(this.run) });
    await this.kept.begun();
  }

  async steps(steps: Parameters<RunKeeper["steps"]>[0]): Promise<void> {
    await this.kept.steps(steps);
    const seen = steps.map(({ step, learningRate, means: { loss, dice } }) => ({ step, learningRate, loss, dice }));
    this.send({ kind: "steps", steps: seen });
  }

  async epoch(record: EpochRecord): Promise<void> {
    await this.kept.epoch(record);
    this.send({ kind: "epoch", record });
  }

  async saved(record: EpochRecord, slices: Parameters<RunKeeper["saved"]>[1]): Promise<void> {
    await this.kept.saved(record, slices);
    const { classes, note } = this.run;
    try {
      this.send({ kind: "worst", slices: (await slices.worst()).map((slice) => liveSlice(slice, classes.length)) });
    } catch (error) {
      // They are there to be looked at; a run does not end for them.
      note(`the worst slices cannot be shown: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async ended(status: Parameters<RunKeeper["ended"]>[0]): Promise<void> {
    await this.kept.ended(status);
    this.send({ kind: "ended", status });
  }

  close(): Promise<void> {
    return this.kept.close();
  }
}

async function liveRun({ folder, config, trainer, classes }: KeptRun): Promise<LiveRun> {
  const { totalSteps, epochs, slices, progress } = trainer;
  return {
    directory: folder.directory,
    config,
    classes,
    epochs,
    slices,
    steps: { all: totalSteps, done: progress.globalStep },
    cost: trainer.stepCost(),
    records: await folder.readMetrics(),
  };
}

/** Pixels of the longer edge of a picture. */
const edge = 256;

function liveSlice(slice: SampleSlice, classes: number): LiveSlice {
  const { caseName, slice: number, truth, prediction, ...view } = slice;
  const { dice, predicted, target } = scoresOf(diceCounts(prediction, truth, classes));
  const picture = (labels: Uint8Array): string => dataUrl(drawSlice({ ...view, labels }, edge));
  return {
    caseName,
    slice: number,
    dice: dice.map((score, c) => ((predicted[c] ?? 0) + (target[c] ?? 0) > 0 ? score : null)),
    truth: picture(truth),
    prediction: picture(prediction),
  };
}
