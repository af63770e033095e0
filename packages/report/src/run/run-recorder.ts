import { joinPath } from "@lobule/data";
import {
  type EpochRecord,
  type KeptRun,
  type LabeledSlices,
  type OpenKeeper,
  type RunKeeper,
  type RunStatus,
  type StepRecord,
  termsOf,
} from "@lobule/train";
import { TensorboardLog } from "../tensorboard/tensorboard-log.js";
import { writeProgressReport } from "./progress-report.js";
import { samplePicture } from "./sample-picture.js";

/** What the records of a run need besides the run. */
export interface RecorderOptions {
  /** Wall time, in seconds since 1970. */
  readonly wallClock: () => number;
  /** This machine's name, for TensorBoard's files. */
  readonly host: string;
}

/** Opens the report and TensorBoard's files of a run that trains; the `keeper` of startRun and resumeRun. */
export const keepReport =
  (options: RecorderOptions): OpenKeeper =>
  (run) =>
    RunRecorder.open({ ...options, ...run });

/** Sets of sample pictures that a run may have, about. */
const mostPictures = 40;

/**
 * Keeps TensorBoard's files and the report of a run up to date while it trains. Neither is needed to train or to resume,
 * so what cannot be written is said once, and training continues.
 */
class RunRecorder implements RunKeeper {
  /** What could not be done, and was said. */
  private readonly failed = new Set<string>();
  private trained = false;

  private constructor(
    private readonly options: RecorderOptions & KeptRun,
    private readonly log: TensorboardLog,
    private readonly records: EpochRecord[],
  ) {}

  /** @throws FileWriteError when TensorBoard's files cannot be made, RunError when the metrics cannot be read. */
  static async open(options: RecorderOptions & KeptRun): Promise<RunRecorder> {
    const { folder, config, trainer, classes, wallClock, host } = options;
    const records = await folder.readMetrics();
    const log = await TensorboardLog.open(folder.storage, joinPath(folder.directory, "tensorboard"), {
      now: wallClock,
      host,
      classes,
      terms: termsOf(config.loss.kind),
      totalSteps: trainer.totalSteps,
      done: { epochs: trainer.progress.epoch, steps: trainer.progress.globalStep },
    });
    return new RunRecorder(options, log, records);
  }

  /** Writes the report of a run that begins or is resumed; that of one whose training is over stays as it is. */
  async begun(): Promise<void> {
    if (this.options.trainer.progress.finished === null) await this.report("running");
  }

  async steps(steps: readonly StepRecord[]): Promise<void> {
    this.trained = true;
    await this.attempt("TensorBoard's files", () => this.log.steps(steps));
  }

  async epoch(record: EpochRecord): Promise<void> {
    this.records.push(record);
    await this.attempt("TensorBoard's files", () => this.log.epoch(record));
  }

  async saved(record: EpochRecord, { samples }: LabeledSlices): Promise<void> {
    await this.report("running");
    if (!picturesDue(this.records, this.options.trainer.epochs)) return;
    await this.attempt("the sample pictures", async () => {
      const pictures = (await samples()).map((sample) => samplePicture(sample, this.options.classes));
      await this.attempt("TensorBoard's files", () => this.log.pictures(record.step, pictures));
    });
  }

  /** Says in the report how the run ended; that of a run whose training was over before stays as it is. */
  async ended(state: RunStatus): Promise<void> {
    if (this.trained || this.options.trainer.progress.finished === null) await this.report(state);
  }

  /** Closes TensorBoard's files. */
  close(): Promise<void> {
    return this.attempt("TensorBoard's files", () => this.log.close());
  }

  private report(state: RunStatus): Promise<void> {
    const { folder, classes, trainer, wallClock } = this.options;
    const progress = { epochs: trainer.epochs, state, written: wallClock() };
    return this.attempt("report.html", () => writeProgressReport(folder, classes, this.records, progress), true);
  }

  /** @param again whether to try again after it failed; a log that tore stays as it is. */
  private async attempt(what: string, work: () => Promise<void>, again = false): Promise<void> {
    if (this.failed.has(what) && !again) return;
    try {
      await work();
    } catch (error) {
      if (!this.failed.has(what)) {
        const reason = error instanceof Error ? error.message : String(error);
        this.options.note(`${what} cannot be kept up to date: ${reason}; training continues`);
      }
      this.failed.add(what);
    }
  }
}

/**
 * Whether sample pictures are due after the last of the epochs: when it is the best so far, and far enough from the last
 * time that a run has about 40 sets at most. It follows from the records alone, so a resumed run continues the same way.
 */
export function picturesDue(records: readonly Pick<EpochRecord, "epoch" | "best">[], epochs: number): boolean {
  const apart = Math.max(1, Math.floor(epochs / mostPictures));
  let drawn = Number.NEGATIVE_INFINITY;
  let due = false;
  for (const { epoch, best } of records) {
    due = best && epoch - drawn >= apart;
    if (due) drawn = epoch;
  }
  return due;
}
