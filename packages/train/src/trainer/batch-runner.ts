import { randomUint32, type SliceBatch, type SliceCache, type SliceKey } from "@lobule/data";
import type { Optimizer, WeightAverage } from "@lobule/optim";
import { type LossMeans, type StepMetrics, together } from "../run/epoch-sums.js";
import type { DrawnSlice } from "./batch-order.js";
import { partLengths } from "./part-lengths.js";
import type { SegmentationPrograms, TrainingProgram } from "./segmentation-programs.js";
import { augmentedMapping, augments, batchArrays, type Preprocessing, plainMapping } from "./slice-sampling.js";
import type { Augmentation } from "./training-config.js";

/** The loss of a batch is NaN or infinite; the message names its slices. */
export class NonFiniteLossError extends Error {
  override readonly name = "NonFiniteLossError";
}

/** One dispatch of a training step. */
export interface ProfiledCall {
  readonly name: string;
  readonly kernel: string;
  readonly microseconds: number;
  readonly flops: number;
  /** Read and written, each operand once. */
  readonly bytes: number;
}

/** Runs of a program whose metrics have not been read yet. */
interface Pending {
  readonly program: TrainingProgram;
  readonly keys: readonly SliceKey[];
  /** Number of the step that the run belongs to. */
  readonly step: number;
}

/** Steps whose metrics may wait on the device. */
const stepsUnread = 8;
/** Slices that an error message names. */
const namedSlices = 8;

export interface BatchRunnerOptions {
  readonly cache: SliceCache;
  readonly programs: SegmentationPrograms;
  readonly optimizer: Optimizer;
  readonly average: WeightAverage | undefined;
  readonly preprocessing: Preprocessing;
  readonly augmentation: Augmentation;
  readonly seed: number;
  /** A slice and its neighbors. */
  readonly inputSlices: number;
  /** Slices at once; the whole batch where null. */
  readonly microBatch: number | null;
  /** Whether a slice may be run alone; see partLengths. */
  readonly alone: boolean;
  /** Number of a slice among all those that are trained on; of a slice that is drawn again, another one. */
  readonly sampleNumber: (key: DrawnSlice) => number;
}

/** Runs training steps one after another and reads their metrics every few steps. */
export class BatchRunner {
  private pending: Pending[] = [];
  private steps: number;

  /** @param firstStep steps of the epoch that are done already. */
  constructor(
    private readonly options: BatchRunnerOptions,
    firstStep: number,
  ) {
    this.steps = firstStep;
  }

  /** Queues one step. The batch may be used again when the promise resolves. */
  async step(keys: readonly DrawnSlice[], batch: SliceBatch, epoch: number): Promise<void> {
    const { programs, microBatch, alone, seed, inputSlices } = this.options;
    const { slotPixels } = this.options.cache;
    const mappings = keys.map((key) => this.mapping(key, epoch));
    const step = this.steps++;
    const dropoutKey = randomUint32(seed, "dropout");
    /** What the slices first … end − 1 of the batch need. */
    const inputs = (first: number, end: number) => ({
      ...batchArrays(batch, mappings, { first, end, slotPixels, inputSlices }),
      dropoutSeed: Uint32Array.of(dropoutKey, first, epoch, step),
    });
    if (microBatch === null) {
      const program = await programs.training(keys.length);
      await program.run({ ...inputs(0, keys.length), ...this.advance() });
      this.pending.push({ program, keys, step });
      return;
    }
    let first = 0;
    for (const length of partLengths(keys.length, microBatch, alone)) {
      const part = keys.slice(first, first + length);
      const program = await programs.training(part.length);
      const shares = Float32Array.of(first === 0 ? 0 : 1, part.length / keys.length);
      await program.run({ ...inputs(first, first + part.length), shares });
      this.pending.push({ program, keys: part, step });
      first += length;
    }
    await (await programs.update()).run(this.advance());
  }

  /**
   * Runs one step with a timestamp around every dispatch; its update is made as in any step.
   * @throws PlanError where the adapter has no timestamps.
   */
  async profile(keys: readonly DrawnSlice[], batch: SliceBatch, epoch: number): Promise<ProfiledCall[]> {
    const { programs, microBatch, inputSlices, cache } = this.options;
    const count = Math.min(microBatch ?? keys.length, keys.length);
    const mappings = keys.map((key) => this.mapping(key, epoch));
    const range = { first: 0, end: count, slotPixels: cache.slotPixels, inputSlices };
    const plan = programs.plan(count);
    const times = await (await programs.training(count)).profile({
      ...batchArrays(batch, mappings, range),
      dropoutSeed: Uint32Array.of(0, 0, epoch, 0),
      ...(microBatch === null ? this.advance() : { shares: Float32Array.of(0, 1) }),
    });
    const launches = plan.calls.flatMap((call) => call.kernel.launches.map(() => call));
    return times.map(({ name, microseconds }, i) => {
      const call = launches[i];
      const parts = call?.kernel.launches.length ?? 1;
      const bytes = call === undefined ? 0 : plan.bytesMoved(call) / parts;
      return { name, kernel: call?.kernel.name ?? name, microseconds, flops: (call?.kernel.flops ?? 0) / parts, bytes };
    });
  }

  /** Whether so many steps are unread that {@link metrics} should be called. */
  get full(): boolean {
    const [oldest] = this.pending;
    // The ring on the device holds 256 runs of a program.
    return oldest !== undefined && (this.steps - oldest.step >= stepsUnread || this.pending.length >= 200);
  }

  /**
   * Metrics of the steps since the last call, oldest first.
   * @throws NonFiniteLossError when a loss is NaN or infinite.
   */
  async metrics(): Promise<StepMetrics[]> {
    const { pending } = this;
    this.pending = [];
    const rows = new Map<TrainingProgram, LossMeans[]>();
    for (const { program } of pending) if (!rows.has(program)) rows.set(program, await program.metrics());
    const steps = new Map<number, StepMetrics>();
    for (const { program, keys, step } of pending) {
      const means = rows.get(program)?.shift();
      if (means === undefined || !Number.isFinite(means.loss)) {
        throw new NonFiniteLossError(this.describe(means?.loss, step, keys));
      }
      steps.set(step, together(steps.get(step), { slices: keys.length, means }));
    }
    return [...steps.values()];
  }

  /** The numbers of the next update. */
  private advance(): Record<string, Float32Array<ArrayBuffer>> {
    const { optimizer, average } = this.options;
    const hyper = optimizer.advance();
    return { hyper, ...(average === undefined ? {} : { averageShare: average.share(optimizer.steps) }) };
  }

  private mapping(key: DrawnSlice, epoch: number) {
    const { cache, preprocessing, augmentation, seed, sampleNumber } = this.options;
    const source = cache.cases[key.case];
    if (source === undefined) throw new RangeError(`no case ${key.case} in the cache of ${cache.cases.length}`);
    const plain = plainMapping(source, preprocessing);
    if (!augments(augmentation)) return plain;
    return augmentedMapping(plain, preprocessing, augmentation, { seed, epoch, sample: sampleNumber(key) });
  }

  private describe(loss: number | undefined, step: number, keys: readonly SliceKey[]): string {
    const names = keys.slice(0, namedSlices).map((key) => `${this.options.cache.cases[key.case]?.name} #${key.slice}`);
    const rest = keys.length > namedSlices ? ` and ${keys.length - namedSlices} more` : "";
    return `the loss became ${loss} at step ${step + 1} of this epoch, on the slices ${names.join(", ")}${rest}; the last checkpoint is from before. Look at these slices, or use a lower --lr`;
  }
}
