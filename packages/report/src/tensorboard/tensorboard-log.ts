import { joinPath, type Storage } from "@lobule/data";
import {
  addedTo,
  type EpochRecord,
  type EpochSums,
  type LossTerms,
  meansOf,
  noSums,
  type StepRecord,
  termsOf,
} from "@lobule/train";
import { epochScalars, lossScalars } from "./epoch-scalars.js";
import type { EventPicture } from "./event-bytes.js";
import { EventFile } from "./event-file.js";
export interface TensorboardOptions {
  /** Wall time, in seconds since 1970. */
  readonly now: () => number;
  /** Name of the machine. */
  readonly host: string;
  /** Names of the classes, background first. */
  readonly classes: readonly string[];
  readonly terms?: LossTerms;
  /** Steps of the whole run: they decide how many of them share a point of the curves. */
  readonly totalSteps: number;
  /** What is done when the log is opened: a resumed run's files continue from there. */
  readonly done: { readonly epochs: number; readonly steps: number };
}

/** The most points that the curves by step have, whatever the length of a run. */
const mostPoints = 4000;

/**
 * What TensorBoard shows of a run: two series, `training` and `validation`, each a folder with an event file a process.
 * All values stand at the step, counted since the start of the run, at which they were measured; losses by step are means
 * over as many steps as make at most 4000 points. What a killed process wrote after its last checkpoint is taken back by
 * the session that follows.
 */
export class TensorboardLog {
  private sums: EpochSums = noSums;
  private last: StepRecord | undefined;
  private readonly every: number;
  private readonly terms: LossTerms;

  private constructor(
    private readonly training: EventFile,
    private readonly validation: EventFile,
    private readonly options: TensorboardOptions,
  ) {
    this.every = Math.max(1, Math.ceil(options.totalSteps / mostPoints));
    this.terms = options.terms ?? termsOf("dice-ce");
  }

  /** Makes a file of this process in each series. @throws FileWriteError when they cannot be written. */
  static async open(storage: Storage, folder: string, options: TensorboardOptions): Promise<TensorboardLog> {
    const { now, host, done } = options;
    const started = { seconds: now(), host };
    // A run of an older version has one series, by epochs, in the folder itself; it ends with what the checkpoint has.
    if (await holdsEvents(storage, folder)) {
      await (await EventFile.create(storage, folder, { ...started, firstStep: done.epochs + 1 })).close();
    }
    const series = (name: string): Promise<EventFile> =>
      EventFile.create(storage, joinPath(folder, name), { ...started, firstStep: done.steps + 1 });
    return new TensorboardLog(await series("training"), await series("validation"), options);
  }

  /** Adds training steps, oldest first. @throws FileWriteError. */
  async steps(steps: readonly StepRecord[]): Promise<void> {
    for (const record of steps) {
      this.sums = addedTo(this.sums, record.slices, record.means);
      this.last = record;
      if (record.step % this.every === 0) await this.flush();
    }
  }

  /** Adds an epoch at its last step. @throws FileWriteError. */
  async epoch(record: EpochRecord): Promise<void> {
    const { training, validation } = epochScalars(record, this.options.classes, this.terms);
    const seconds = this.options.now();
    await this.training.add(record.step, seconds, training);
    await this.validation.add(record.step, seconds, validation);
  }

  /** Adds pictures to the validation series. @throws FileWriteError. */
  pictures(step: number, pictures: readonly EventPicture[]): Promise<void> {
    return this.validation.add(step, this.options.now(), {}, pictures);
  }

  /** Writes the steps that make no whole point yet, and closes the files. @throws FileWriteError. */
  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.training.close();
      await this.validation.close();
    }
  }

  private async flush(): Promise<void> {
    const { last, sums } = this;
    if (last === undefined) return;
    [this.last, this.sums] = [undefined, noSums];
    await this.training.add(last.step, this.options.now(), {
      ...lossScalars(meansOf(sums), this.terms, "step"),
      "schedule/learning rate": last.learningRate,
    });
  }
}

const holdsEvents = async (storage: Storage, folder: string): Promise<boolean> =>
  (await storage.list(folder).catch((): string[] => [])).some((name) => name.includes("tfevents"));
