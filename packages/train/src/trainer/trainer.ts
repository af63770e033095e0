import { BatchReader, type SliceKey, sha256OfFile } from "@lobule/data";
import type { SegmentationNetwork } from "@lobule/nn";
import { learningRateFactor } from "@lobule/optim";
import type { SafetensorsTensor } from "@lobule/tensor";
import { storedAs } from "../model/intensities.js";
import { encodeCheckpoint } from "../run/checkpoint.js";
import type { EpochRecord } from "../run/epoch-record.js";
import { addedTo, meansOf, noSums } from "../run/epoch-sums.js";
import type { RunFolder } from "../run/run-folder.js";
import type { CheckpointKind } from "../run/saved-checkpoints.js";
import { savedState, startState, type TrainingOutcome, type TrainingState } from "../run/training-state.js";
import type { StepCost } from "../run/workload.js";
import type { DrawnSlice } from "./batch-order.js";
import { BatchRunner, type ProfiledCall } from "./batch-runner.js";
import { EpochSlices } from "./epoch-slices.js";
import { EpochValidation } from "./epoch-validation.js";
import { Learner } from "./learner.js";
import { Ranks } from "./ranks.js";
import type { EpochKeeper } from "./run-keeper.js";
import type { SegmentationPrograms } from "./segmentation-programs.js";
import { SharedGradients } from "./shared-gradients.js";
import { requireRoom, requireWholeSlices } from "./size-check.js";
import { neighborsOf, type Preprocessing, trainedPreprocessing } from "./slice-sampling.js";
import { hashOfPlans, stepCostOf } from "./step-cost.js";
import type { TrainerOptions } from "./trainer-options.js";
import { preprocessingOf, programsOf } from "./trainer-programs.js";

/** Trains one network on the slices of a cache: epochs, validation, schedule, early stopping, checkpoints. */
export class Trainer {
  readonly preprocessing: Preprocessing;
  private readonly learner: Learner;
  private readonly programs: SegmentationPrograms;
  private readonly epochSlices: EpochSlices;
  private readonly validation: EpochValidation;
  private readonly ranks: Ranks;
  private readonly shared: SharedGradients | undefined;
  private state: TrainingState;

  constructor(private readonly options: TrainerOptions) {
    const { config, model, code, cache, cases, device } = options;
    this.learner = new Learner(config, model, code, device);
    const { network, plateau, earlyStopping } = this.learner;
    this.preprocessing = preprocessingOf(config, model, cache.cases, network);
    this.programs = programsOf(options, this.learner, this.preprocessing);
    this.ranks = new Ranks(options);
    const { world } = this.ranks;
    this.shared =
      world.size === 1 || config.microBatch === null ? undefined : new SharedGradients(world, device, network);
    this.epochSlices = new EpochSlices(config, cache, cases, this.programs, world);
    const { validation } = this.epochSlices;
    this.validation = new EpochValidation(options, this.programs, this.preprocessing, validation, world);
    this.state = startState({ plateau: plateau.state(), earlyStopping: earlyStopping.state() });
  }

  /** How slices become what a training step sees. */
  private get trained(): Preprocessing {
    return trainedPreprocessing(this.preprocessing, this.options.model.patch);
  }

  /** The network that is trained. */
  get network(): SegmentationNetwork {
    return this.learner.network;
  }

  /** Epochs of the whole run. */
  get epochs(): number {
    const { fastDevRun, epochs } = this.options.config;
    return fastDevRun ? 1 : epochs;
  }

  /** Slices of an epoch. */
  get slices(): { readonly training: number; readonly validation: number } {
    const { training, validation } = this.epochSlices;
    return { training: training.length, validation: validation.length };
  }

  /**
   * Checks that a step fits the adapter, before anything is run.
   * @returns bytes on the device.
   * @throws PlanError with the largest batch that fits.
   */
  async checkMemory(): Promise<number> {
    const { config, device, memory, signal } = this.options;
    const room = { device, ...(memory === undefined ? {} : { memory }), ...(signal === undefined ? {} : { signal }) };
    const { mostAtOnce } = this.epochSlices;
    this.shared?.take(this.programs.plan(mostAtOnce));
    const bytes = await requireRoom((count) => this.programs.plan(count), mostAtOnce, room, {
      ...this.trained,
      batch: config.batch,
    });
    if (config.patch !== null) {
      requireWholeSlices(
        (count) => this.programs.validationPlan(count),
        this.validation.atOnce,
        room,
        this.preprocessing,
      );
    }
    return bytes;
  }

  /**
   * Makes the values that the network starts with, which takes half a minute for the largest; done before a folder is
   * made for the run. Call it when the memory has been checked, where nothing is restored.
   * @throws the signal's reason.
   */
  makeStartValues(): Promise<void> {
    return this.learner.makeStartValues(this.options.signal);
  }

  /**
   * Begins with the weights of another run in the place of those drawn by the seed; called before the first step.
   * @throws StateDictError when they are another network's.
   */
  startFrom(weights: ReadonlyMap<string, SafetensorsTensor>): void {
    this.learner.startFrom(weights);
  }

  /** Steps that the schedule of the learning rate is made for. */
  get totalSteps(): number {
    return this.options.config.epochs * this.epochSlices.steps;
  }

  /** Steps done since the start, and why the run ended; null while it has not. */
  get progress(): Pick<TrainingState, "epoch" | "globalStep" | "finished"> {
    return this.state;
  }

  /** What a step on a full batch costs by its plans; nothing is run. */
  stepCost(): StepCost {
    const { batch, microBatch } = this.options.config;
    const { drawn, alone } = this.epochSlices;
    const sizes = { batch, microBatch, slices: drawn };
    return stepCostOf(this.programs, this.learner.network.parameters(), sizes, alone);
  }

  /** A hash of all that a step on a full batch dispatches: of two programs that compute it alike it is the same. */
  planHash(): string {
    const { programs, epochSlices, options } = this;
    const update = options.config.microBatch === null ? [] : [programs.updatePlan()];
    return hashOfPlans([programs.plan(epochSlices.mostAtOnce), ...update]);
  }

  /** Runs the first steps, each with a timestamp around every dispatch. @throws PlanError as LoadedProgram.profile. */
  async profile(steps: number): Promise<ProfiledCall[][]> {
    const { cache, model } = this.options;
    const expand = (key: SliceKey) => neighborsOf(cache.cases, key, model.inputSlices);
    const batches = Array.from({ length: steps }, (_, epoch) => this.epochSlices.batchesOf(epoch)[0] ?? []);
    const reader = new BatchReader(cache, batches, { ...storedAs(this.preprocessing.channels), expand });
    const profiles: ProfiledCall[][] = [];
    for (let next = await reader.next(); next !== undefined; next = await reader.next()) {
      profiles.push(await this.batchRunner(0).profile(next.keys, next.batch, profiles.length));
      reader.release(next.batch);
    }
    return profiles;
  }

  /** Goes on from a checkpoint of this run. */
  restore(state: TrainingState, tensors: ReadonlyMap<string, SafetensorsTensor>): void {
    this.learner.restore(state, tensors);
    // A run that had all its epochs may have been given more.
    const more = state.finished === "all epochs done" && state.epoch < this.epochs;
    this.state = more ? { ...state, finished: null } : state;
  }

  /**
   * Trains until the last epoch, early stopping, the pause or the signal; checkpoints and metrics go into the folder.
   * @param folder where this rank writes; the others have none.
   */
  async run(folder: RunFolder | undefined, keeper?: EpochKeeper): Promise<TrainingOutcome> {
    const { pauseAfter = Number.POSITIVE_INFINITY } = this.options;
    if (this.state.finished !== null) return this.state.finished;
    if (this.state.globalStep === 0) await this.save(folder, "last");
    while (this.state.finished === null) {
      if (this.state.epoch >= pauseAfter) return "paused";
      const whole = await this.epoch(folder, keeper);
      if (this.state.finished === null && (!whole || (await this.ranks.stopping()))) return "interrupted";
    }
    return this.state.finished;
  }

  /** One epoch, or what is left of it; false when the signal ended it. */
  private async epoch(folder: RunFolder | undefined, keeper?: EpochKeeper): Promise<boolean> {
    const { config, now, observer } = this.options;
    const started = now();
    this.ranks.begin();
    const batches = this.epochSlices.batchesOf(this.state.epoch);
    const trained = await this.trainOn(folder, batches, started, keeper);
    if (!trained) {
      await this.save(folder, "last");
      return false;
    }
    const seconds = (now() - started) / 1000;
    const means = meansOf(this.state.sums);
    const validated = await this.validation.validate();
    if (validated === undefined) {
      await this.save(folder, "last");
      return false;
    }
    const { result: validation, worst } = validated;
    const { epoch } = this.state;
    const learningRate = this.learningRateAt(this.state.globalStep - 1);
    const better = this.state.best === null || validation.loss < this.state.best.loss;
    const { plateau, earlyStopping } = this.learner;
    if (config.schedule === "plateau") plateau.step(validation.loss);
    const stop = earlyStopping.step(validation.loss);
    const last = epoch + 1 >= this.epochs;
    this.state = {
      ...this.state,
      epoch: epoch + 1,
      step: 0,
      plateau: plateau.state(),
      earlyStopping: earlyStopping.state(),
      best: better ? { loss: validation.loss, epoch } : this.state.best,
      sums: noSums,
      finished: last ? "all epochs done" : stop ? "early stopping" : null,
    };
    const record: EpochRecord = {
      epoch,
      step: this.state.globalStep,
      learningRate,
      training: means,
      validation,
      best: better,
      seconds: (now() - started) / 1000,
      slicesPerSecond: trained.slices / seconds,
      waitedShare: Math.min(1, trained.waitedSeconds / seconds),
      ...(trained.effort === undefined ? {} : { ranks: trained.effort }),
    };
    await folder?.appendMetrics(record);
    await keeper?.epoch(record);
    if (better) await this.save(folder, "best");
    await this.save(folder, "last");
    await keeper?.saved(record, {
      samples: () => this.validation.samples(),
      worst: () => this.validation.labeled(worst),
    });
    observer?.epoch?.(record);
    return true;
  }

  /** Frees the memory of the steps on the device, for what comes after training. */
  async close(): Promise<void> {
    await this.shared?.destroy();
    await this.programs.destroy();
  }

  /** What an epoch trained on, and how its time was spent; undefined when the signal ended it. */
  private async trainOn(
    folder: RunFolder | undefined,
    batches: readonly (readonly DrawnSlice[])[],
    started: number,
    keeper: EpochKeeper | undefined,
  ) {
    const { cache, config, model, now } = this.options;
    const { optimizer } = this.learner;
    const { epoch, step: first } = this.state;
    const coming = batches.slice(first);
    const own = coming.map((keys) => this.epochSlices.ownOf(keys));
    const reader = new BatchReader(cache, own, {
      now,
      ...storedAs(this.preprocessing.channels),
      expand: (key) => neighborsOf(cache.cases, key, model.inputSlices),
    });
    const runner = this.batchRunner(first);
    let slices = 0;
    try {
      for (const keys of coming) {
        const next = await reader.next();
        if (next === undefined) throw new RangeError("there are fewer batches than were asked for");
        this.ranks.world.at(`step ${this.state.globalStep + 1}`);
        optimizer.learningRate = this.learningRateAt(this.state.globalStep);
        await runner.step(keys, next.batch, epoch);
        reader.release(next.batch);
        slices += keys.length;
        const step = this.state.step + 1;
        this.state = {
          ...this.state,
          step,
          globalStep: this.state.globalStep + 1,
          optimizerSteps: optimizer.steps,
        };
        const due = config.checkpointEvery !== null && step % config.checkpointEvery === 0 && step < batches.length;
        const stopping = await this.ranks.stopping();
        if (runner.full || due || stopping || step === batches.length) {
          await this.takeMetrics(runner, keeper);
          this.report(batches.length, started, slices, reader.waitedSeconds);
        }
        if (due) await this.save(folder, "last");
        if (stopping) return undefined;
      }
    } finally {
      await reader.close();
    }
    return { slices, waitedSeconds: reader.waitedSeconds, effort: this.ranks.effort };
  }

  private batchRunner(firstStep: number): BatchRunner {
    const { cache, config, model } = this.options;
    return new BatchRunner(
      {
        cache,
        programs: this.programs,
        optimizer: this.learner.optimizer,
        average: this.learner.average,
        preprocessing: this.trained,
        patches: model.patch !== undefined,
        inputSlices: model.inputSlices,
        augmentation: config.augmentation,
        seed: config.seed,
        microBatch: config.microBatch,
        alone: this.epochSlices.alone,
        sampleNumber: (key) => this.epochSlices.sampleNumber(key),
        world: this.ranks.world,
        shared: this.shared,
        classes: model.classes.length,
      },
      firstStep,
    );
  }

  private async takeMetrics(runner: BatchRunner, keeper: EpochKeeper | undefined): Promise<void> {
    const rows = await runner.metrics();
    for (const { slices, means } of rows) {
      this.state = { ...this.state, sums: addedTo(this.state.sums, slices, means) };
    }
    const before = this.state.globalStep - rows.length;
    await keeper?.steps(
      rows.map((row, i) => ({ ...row, step: before + i + 1, learningRate: this.learningRateAt(before + i) })),
    );
  }

  private report(steps: number, started: number, slices: number, waitedSeconds: number): void {
    const { config, now, observer } = this.options;
    const { epoch, step, sums } = this.state;
    const { effort } = this.ranks;
    const seconds = (now() - started) / 1000;
    const slicesPerSecond = slices / seconds;
    const { learningRate } = this.learner.optimizer;
    observer?.step?.({
      epoch,
      epochs: this.epochs,
      step,
      steps,
      learningRate,
      slicesPerSecond,
      loss: meansOf(sums).loss,
      dice: meansOf(sums).dice,
      waitedShare: waitedSeconds / seconds,
      ...(effort === undefined ? {} : { ranks: effort }),
      secondsLeft: ((steps - step) * Math.min(config.batch, this.epochSlices.drawn)) / slicesPerSecond,
    });
  }

  private learningRateAt(step: number): number {
    const { schedule, warmupSteps } = this.options.config;
    const { totalSteps } = this;
    return this.learner.plateau.learningRate * learningRateFactor({ schedule, warmupSteps, totalSteps }, step);
  }

  private async save(folder: RunFolder | undefined, kind: CheckpointKind): Promise<void> {
    const tensors = await this.learner.tensors(kind);
    const state = { model: this.options.model, training: savedState(this.state) };
    const digest = () => sha256OfFile(encodeCheckpoint({ tensors, state }));
    await this.ranks.requireSame(`the weights after step ${this.state.globalStep}`, digest);
    await folder?.saveCheckpoint(kind, tensors, state);
  }
}
