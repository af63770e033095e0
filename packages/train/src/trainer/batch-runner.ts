import { randomUint32, type SliceBatch, type SliceCache, type SliceKey } from "@lobule/data";
import type { Optimizer, WeightAverage } from "@lobule/optim";
import { packDeformations, packIntensityChanges } from "@lobule/tensor";
import { type Collective, gatherTurns } from "../collective/collective.js";
import { type LossMeans, type StepMetrics, together } from "../run/epoch-sums.js";
import type { Augmentation } from "../settings/augmentation-setting.js";
import { type AugmentedSlice, augmented, imageChangesOf } from "./augment-slice.js";
import { type DrawnSlice, isForForeground } from "./batch-order.js";
import { type BatchPart, partsOf, partsOfRank } from "./part-lengths.js";
import { croppedMapping } from "./patch-crop.js";
import type { SegmentationPrograms, TrainingProgram } from "./segmentation-programs.js";
import type { SharedGradients } from "./shared-gradients.js";
import { type BatchRange, batchArrays, type Preprocessing, plainMapping } from "./slice-sampling.js";

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
  /** Undefined where another rank runs it. */
  readonly program: TrainingProgram | undefined;
  readonly rank: number;
  readonly keys: readonly SliceKey[];
  /** Number of the step that the run belongs to. */
  readonly step: number;
}

interface StepTime {
  readonly epoch: number;
  /** Number of the step in the epoch. */
  readonly step: number;
}

/** What a part's program is fed. */
type PartInputs = ReturnType<typeof batchArrays> & {
  readonly deformations?: Uint32Array<ArrayBuffer>;
  readonly changes?: Float32Array<ArrayBuffer>;
  readonly dropoutSeed: Uint32Array<ArrayBuffer>;
  /** As `accumulate` has them; left out where the gradients are kept. */
  readonly shares?: Float32Array<ArrayBuffer>;
};

/** Steps whose metrics may wait on the device. */
const stepsUnread = 8;
/** Slices that an error message names. */
const namedSlices = 8;

export interface BatchRunnerOptions {
  readonly cache: SliceCache;
  readonly programs: SegmentationPrograms;
  readonly optimizer: Optimizer;
  readonly average: WeightAverage | undefined;
  /** Of what a step sees. */
  readonly preprocessing: Preprocessing;
  /** Whether that is a patch of each slice, drawn at random. */
  readonly patches: boolean;
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
  readonly world: Collective;
  /** Where several ranks run the parts of a batch. */
  readonly shared: SharedGradients | undefined;
  /** Number of classes, background included. */
  readonly classes: number;
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

  /**
   * Queues one step. The batch may be used again when the promise resolves.
   * @param batch what was read of the slices: of all, or where several ranks run the parts, of those of this rank's parts.
   */
  async step(keys: readonly DrawnSlice[], batch: SliceBatch, epoch: number): Promise<void> {
    const { programs, microBatch, alone, shared, world } = this.options;
    const step = this.steps++;
    if (microBatch === null) {
      const program = await programs.training(keys.length);
      const inputs = this.inputsOf(keys, batch, { epoch, step });
      await program.run({ ...inputs({ first: 0, end: keys.length }, 0), ...this.advance() });
      this.pending.push({ program, rank: world.rank, keys, step });
      return;
    }
    const parts = partsOf(keys.length, microBatch, alone);
    if (shared === undefined) {
      const inputs = this.inputsOf(keys, batch, { epoch, step });
      for (const part of parts) {
        const share = (part.end - part.first) / keys.length;
        await this.runPart(keys, part, step, {
          ...inputs(part, part.first),
          shares: Float32Array.of(part.first === 0 ? 0 : 1, share),
        });
      }
    } else await this.runShared(shared, parts, keys, batch, { epoch, step });
    await (await programs.update()).run(this.advance());
  }

  /** Runs this rank's parts and has those of all added. */
  private async runShared(
    shared: SharedGradients,
    parts: readonly BatchPart[],
    keys: readonly DrawnSlice[],
    batch: SliceBatch,
    when: StepTime,
  ): Promise<void> {
    const { rank, size } = this.options.world;
    const own = partsOfRank(parts, rank, size).flatMap(({ first, end }) => keys.slice(first, end));
    const inputs = this.inputsOf(own, batch, when);
    let read = 0;
    for (let next = 0; next < parts.length; next += size) {
      const atOnce = parts.slice(next, next + size);
      for (const [r, part] of atOnce.entries()) {
        if (r !== rank) {
          const slices = keys.slice(part.first, part.end);
          this.pending.push({ program: undefined, rank: r, keys: slices, step: when.step });
        } else {
          shared.clearStatistics();
          await this.runPart(keys, part, when.step, inputs(part, read), shared);
          read += part.end - part.first;
        }
      }
      const shares = atOnce.map(({ first, end }) => (end - first) / keys.length);
      shared.add(shares, next === 0);
    }
    await shared.finish();
  }

  /** Runs a part, whose gradients are added to the sums, or kept for `shared`. */
  private async runPart(
    keys: readonly DrawnSlice[],
    { first, end }: BatchPart,
    step: number,
    inputs: PartInputs,
    shared?: SharedGradients,
  ): Promise<void> {
    const { programs, world } = this.options;
    const program = await programs.training(end - first);
    shared?.take(program.program);
    await program.run(inputs, (submission) => shared?.read(submission));
    this.pending.push({ program, rank: world.rank, keys: keys.slice(first, end), step });
  }

  /**
   * What the programs of a step need, of a part of the batch whose first slice is the `read`-th of those in memory.
   * @param keys of the slices in memory.
   */
  private inputsOf(keys: readonly DrawnSlice[], batch: SliceBatch, { epoch, step }: StepTime) {
    const { seed, inputSlices, cache } = this.options;
    const { slotPixels, channels } = cache;
    const slices = this.augmented(keys, batch, epoch);
    const dropoutKey = randomUint32(seed, "dropout");
    return ({ first, end }: BatchPart, read: number) => ({
      ...this.arraysOf(batch, slices, { first: read, end: read + end - first, slotPixels, inputSlices, channels }),
      dropoutSeed: Uint32Array.of(dropoutKey, first, epoch, step),
    });
  }

  /**
   * Runs one step with a timestamp around every dispatch; its update is made as in any step.
   * @throws PlanError where the adapter has no timestamps.
   */
  async profile(keys: readonly DrawnSlice[], batch: SliceBatch, epoch: number): Promise<ProfiledCall[]> {
    const { programs, microBatch, inputSlices, cache } = this.options;
    const count = Math.min(microBatch ?? keys.length, keys.length);
    const slices = this.augmented(keys, batch, epoch);
    const { slotPixels, channels } = cache;
    const range = { first: 0, end: count, slotPixels, inputSlices, channels };
    const plan = programs.plan(count);
    const times = await (await programs.training(count)).profile({
      ...this.arraysOf(batch, slices, range),
      dropoutSeed: Uint32Array.of(0, 0, epoch, 0),
      ...(microBatch === null ? this.advance() : {}),
      ...("shares" in plan.inputs && { shares: Float32Array.of(0, 1) }),
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
    const rows = await this.rowsOf(pending);
    const steps = new Map<number, StepMetrics>();
    for (const [i, { keys, step }] of pending.entries()) {
      const means = rows[i];
      if (means === undefined || !Number.isFinite(means.loss)) {
        throw new NonFiniteLossError(this.describe(means?.loss, step, keys));
      }
      steps.set(step, together(steps.get(step), { slices: keys.length, means }));
    }
    return [...steps.values()];
  }

  /** What the runs measured, wherever they ran. */
  private async rowsOf(pending: readonly Pending[]): Promise<(LossMeans | undefined)[]> {
    const { world, classes } = this.options;
    const read = new Map<TrainingProgram, LossMeans[]>();
    for (const { program } of pending) {
      if (program !== undefined && !read.has(program)) read.set(program, await program.metrics());
    }
    const own = pending.map(({ program }) => (program === undefined ? undefined : read.get(program)?.shift()));
    if (world.size === 1) return own;
    const rows = own.flatMap((row) =>
      row === undefined ? [] : [Float32Array.of(row.loss, row.pixelLoss, row.overlapLoss, ...row.dice)],
    );
    const turns = pending.map(({ rank }) => ({ rank, length: 3 + classes }));
    return (await gatherTurns(world, rows, turns)).map((row) => {
      const [loss = Number.NaN, pixelLoss = Number.NaN, overlapLoss = Number.NaN, ...dice] = row;
      return { loss, pixelLoss, overlapLoss, dice };
    });
  }

  /** The numbers of the next update. */
  private advance(): Record<string, Float32Array<ArrayBuffer>> {
    const { optimizer, average } = this.options;
    const hyper = optimizer.advance();
    return { hyper, ...(average === undefined ? {} : { averageShare: average.share(optimizer.steps) }) };
  }

  /** What a program takes of a batch, and how its images are changed. */
  private arraysOf(batch: SliceBatch, slices: readonly AugmentedSlice[], range: BatchRange) {
    const { augmentation, inputSlices } = this.options;
    const mappings = slices.map(({ mapping }) => mapping);
    const part = slices.slice(range.first, range.end);
    const { deformation, intensities } = imageChangesOf(augmentation);
    // A slice and its neighbors are changed alike.
    const changes = part.flatMap(({ changes: own }) => Array<typeof own>(inputSlices).fill(own).flat());
    return {
      ...batchArrays(batch, mappings, range),
      ...(deformation ? { deformations: packDeformations(part.map((slice) => slice.deformation)) } : {}),
      ...(intensities ? { changes: packIntensityChanges(changes) } : {}),
    };
  }

  /** How the slices of a batch become what the step sees. */
  private augmented(keys: readonly DrawnSlice[], batch: SliceBatch, epoch: number): AugmentedSlice[] {
    const { cache, preprocessing, augmentation, seed, sampleNumber, patches, inputSlices } = this.options;
    const labels = new Uint8Array(batch.labels.buffer, batch.labels.byteOffset, batch.labels.byteLength);
    return keys.map((key, i) => {
      const source = cache.cases[key.case];
      if (source === undefined) throw new RangeError(`no case ${key.case} in the cache of ${cache.cases.length}`);
      const sampleSeed = { seed, epoch, sample: sampleNumber(key) };
      const first = (i * inputSlices + (inputSlices - 1) / 2) * cache.slotPixels;
      const [width, height] = source.shape;
      const counts = source.labelCounts[key.slice] ?? [];
      // Slices that are drawn for their foreground are to show it.
      const foreground = isForForeground(key)
        ? { labels: labels.subarray(first, first + width * height), counts }
        : undefined;
      const plain = patches
        ? croppedMapping(source, preprocessing, sampleSeed, foreground)
        : plainMapping(source, preprocessing);
      return augmented(plain, preprocessing, augmentation, sampleSeed);
    });
  }

  private describe(loss: number | undefined, step: number, keys: readonly SliceKey[]): string {
    const names = keys.slice(0, namedSlices).map((key) => `${this.options.cache.cases[key.case]?.name} #${key.slice}`);
    const rest = keys.length > namedSlices ? ` and ${keys.length - namedSlices} more` : "";
    return `the loss became ${loss} at step ${step + 1} of this epoch, on the slices ${names.join(", ")}${rest}; the last checkpoint is from before. Look at these slices, or use a lower --lr`;
  }
}
