import { BatchReader, Pauses, type SliceCache, type SliceKey, shuffled } from "@lobule/data";
import type { SegmentationNetwork } from "@lobule/nn";
import {
  EarlyStopping,
  LossScaler,
  learningRateFactor,
  type Optimizer,
  ReduceLROnPlateau,
  WeightAverage,
} from "@lobule/optim";
import { type Device, makeStartValues, type SafetensorsTensor } from "@lobule/tensor";
import { buildNetwork, type ModelCode, type ModelDescription, networkState } from "../model/model-description.js";
import { requireF16 } from "../require-f16.js";
import type { EpochRecord } from "../run/epoch-record.js";
import type { RunFolder } from "../run/run-folder.js";
import type { StepCost } from "../run/workload.js";
import { batchesOfEpoch, type DrawnSlice, holdsForeground, inBatches } from "./batch-order.js";
import { BatchRunner, type ProfiledCall } from "./batch-runner.js";
import { addedTo, meansOf, noSums } from "./epoch-sums.js";
import { optimizerOf } from "./optimizer-setting.js";
import { canTrainAlone, partLengths } from "./part-lengths.js";
import type { EpochKeeper } from "./run-keeper.js";
import { chosenSamples, labelSamples, type SampleSlice } from "./sample-slices.js";
import { SegmentationPrograms } from "./segmentation-programs.js";
import { requireRoom, requireStorable } from "./size-check.js";
import { inputExtents, neighborsOf, type Preprocessing, slicesOf } from "./slice-sampling.js";
import { stepCostOf } from "./step-cost.js";
import { ConfigError, type TrainingConfig } from "./training-config.js";
import { savedState, type TrainingOutcome, type TrainingState } from "./training-state.js";
import { type ValidationResult, validate } from "./validation.js";

/** What a trainer is asked to do, and with what. */
export interface TrainerOptions {
  readonly device: Device;
  /** Bytes that a step may take, where that is known. */
  readonly memory?: number;
  readonly config: TrainingConfig;
  readonly model: ModelDescription;
  /** What makes the network, where it is no U-Net of ours. */
  readonly code?: ModelCode;
  readonly cache: SliceCache;
  /** Numbers of the cases of the cache. */
  readonly cases: { readonly training: readonly number[]; readonly validation: readonly number[] };
  /** Milliseconds; for rates only, no result depends on it. */
  readonly now: () => number;
  /** Ends training after the step under way; the state is saved. */
  readonly signal?: AbortSignal;
  /** Pauses once so many epochs are done. The learning rate does not know of it: it follows the configuration's epochs. */
  readonly pauseAfter?: number;
  readonly observer?: TrainingObserver;
}

/** How far an epoch is, and its means so far. */
export interface StepProgress {
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly steps: number;
  /** Means of the epoch so far. */
  readonly loss: number;
  /** Soft Dice by class. */
  readonly dice: readonly number[];
  readonly learningRate: number;
  readonly slicesPerSecond: number;
  /** Share of the time that was spent waiting for data. */
  readonly waitedShare: number;
  /** Until the end of this epoch's training. */
  readonly secondsLeft: number;
}

/** Is told how training goes. */
export interface TrainingObserver {
  step?(progress: StepProgress): void;
  validating?(done: number, total: number): void;
  epoch?(record: EpochRecord): void;
  /** Something that the user should know, and that does not end the run. */
  note?(text: string): void;
}

/** Trains one network on the slices of a cache: epochs, validation, schedule, early stopping, checkpoints. */
export class Trainer {
  readonly network: SegmentationNetwork;
  readonly preprocessing: Preprocessing;
  private readonly optimizer: Optimizer;
  /** Holds the averaged weights, where there are such. */
  private readonly averaged: SegmentationNetwork | undefined;
  private readonly average: WeightAverage | undefined;
  private readonly scaler: LossScaler | undefined;
  private readonly plateau: ReduceLROnPlateau;
  private readonly earlyStopping: EarlyStopping;
  private readonly programs: SegmentationPrograms;
  private readonly trainingSlices: readonly SliceKey[];
  private readonly foregroundSlices: readonly SliceKey[];
  private readonly validationSlices: readonly SliceKey[];
  /** Whether a batch or a part of one may be of one slice. */
  private readonly alone: boolean;
  private readonly sampleNumbers: ReadonlyMap<string, number>;
  private state: TrainingState;

  constructor(private readonly options: TrainerOptions) {
    const { config, model, code, cache, cases, device } = options;
    this.network = buildNetwork(model, config.seed, code);
    requireStorable(this.network, config);
    this.optimizer = optimizerOf(config.optimizer, this.network.namedParameters(), config.learningRate);
    if (config.ema !== null) {
      this.averaged = buildNetwork(model, config.seed, code);
      this.average = new WeightAverage(this.network, this.averaged, config.ema);
    }
    if (config.precision === "f16") requireF16(device);
    this.scaler = config.precision === "f16" ? new LossScaler() : undefined;
    this.plateau = new ReduceLROnPlateau({ learningRate: config.learningRate, ...config.plateau });
    this.earlyStopping = new EarlyStopping(config.earlyStopping);
    const { divisor = 1 } = this.network;
    if (config.size !== null && config.size % divisor !== 0) {
      throw new ConfigError(`--size must be a multiple of ${divisor} for this network, got ${config.size}`);
    }
    const extents = inputExtents(cache.cases, config.size, divisor);
    this.preprocessing = { ...extents, window: model.window, resample: config.size !== null };
    const geometry = { ...extents, slotPixels: cache.slotPixels, inputSlices: model.inputSlices };
    const { network, averaged, optimizer, average, scaler } = this;
    const { loss, clipNorm, precision, recompute } = config;
    const parts = { network, validated: averaged ?? network, optimizer, average, loss, clipNorm, scaler };
    const { kernels } = device;
    this.programs = new SegmentationPrograms(
      device,
      { ...parts, geometry, precision, recompute, kernels },
      config.microBatch !== null,
    );
    const all = slicesOf(cache.cases, cases.training);
    this.sampleNumbers = new Map(all.map((key, i) => [keyText(key), i]));
    const { overfitBatches, batch, microBatch } = config;
    this.trainingSlices =
      overfitBatches === null ? all : shuffled(all, config.seed, "overfit").slice(0, overfitBatches * batch);
    this.foregroundSlices = all.filter((key) => holdsForeground(cache.cases, key));
    if (config.oversample > 0 && this.foregroundSlices.length === 0) {
      throw new ConfigError("no training slice holds foreground, so there is none to draw; leave out --oversample");
    }
    this.alone = canTrainAlone(this.programs, { slices: this.trainingSlices.length, batch, microBatch });
    this.validationSlices = overfitBatches === null ? slicesOf(cache.cases, cases.validation) : this.trainingSlices;
    this.state = {
      epoch: 0,
      step: 0,
      globalStep: 0,
      optimizerSteps: 0,
      best: null,
      finished: null,
      plateau: this.plateau.state(),
      earlyStopping: this.earlyStopping.state(),
      sums: noSums,
    };
  }

  /** Epochs of the whole run. */
  get epochs(): number {
    const { fastDevRun, epochs } = this.options.config;
    return fastDevRun ? 1 : epochs;
  }

  /** Slices of an epoch. */
  get slices(): { readonly training: number; readonly validation: number } {
    return { training: this.trainingSlices.length, validation: this.validationSlices.length };
  }

  /**
   * Checks that a step fits the adapter, before anything is run.
   * @returns bytes on the device.
   * @throws PlanError with the largest batch that fits.
   */
  checkMemory(): Promise<number> {
    const { config, device, memory, signal } = this.options;
    const wanted = Math.max(
      1,
      ...partLengths(this.trainingSlices.length, config.batch, this.alone).flatMap((length) =>
        partLengths(length, config.microBatch ?? length, this.alone),
      ),
    );
    const room = { device, ...(memory === undefined ? {} : { memory }), ...(signal === undefined ? {} : { signal }) };
    return requireRoom((count) => this.programs.plan(count), wanted, room, {
      ...this.preprocessing,
      batch: config.batch,
    });
  }

  /**
   * Makes the values that the network starts with, which takes half a minute for the largest; done before a folder is
   * made for the run. Call it when the memory has been checked, where nothing is restored.
   * @throws the signal's reason.
   */
  makeStartValues(): Promise<void> {
    const networks = [this.network, ...(this.averaged === undefined ? [] : [this.averaged])];
    const variables = networks.flatMap((network) => [...network.namedVariables().values()]);
    return makeStartValues(variables, new Pauses(this.options.signal));
  }

  /** Steps that the schedule of the learning rate is made for. */
  get totalSteps(): number {
    const { epochs, batch } = this.options.config;
    return epochs * partLengths(this.trainingSlices.length, batch, this.alone).length;
  }

  /** Steps done since the start, and why the run ended; null while it has not. */
  get progress(): Pick<TrainingState, "epoch" | "globalStep" | "finished"> {
    return this.state;
  }

  /** What a step on a full batch costs by its plans; nothing is run. */
  stepCost(): StepCost {
    const { batch, microBatch } = this.options.config;
    const slices = this.trainingSlices.length;
    return stepCostOf(this.programs, this.network.parameters(), { batch, microBatch, slices }, this.alone);
  }

  /** Runs the first steps, each with a timestamp around every dispatch. @throws PlanError as LoadedProgram.profile. */
  async profile(steps: number): Promise<ProfiledCall[][]> {
    const { cache, model } = this.options;
    const expand = (key: SliceKey) => neighborsOf(cache.cases, key, model.inputSlices);
    const batches = Array.from({ length: steps }, (_, epoch) => this.batchesOf(epoch)[0] ?? []);
    const reader = new BatchReader(cache, batches, { window: model.window, expand });
    const profiles: ProfiledCall[][] = [];
    for (let next = await reader.next(); next !== undefined; next = await reader.next()) {
      profiles.push(await this.batchRunner(0).profile(next.keys, next.batch, profiles.length));
      reader.release(next.batch);
    }
    return profiles;
  }

  /** Goes on from a checkpoint of this run. */
  restore(state: TrainingState, tensors: ReadonlyMap<string, SafetensorsTensor>): void {
    this.network.loadStateDict(networkState(tensors));
    this.optimizer.loadStateDict(tensors, state.optimizerSteps);
    this.scaler?.loadStateDict(tensors);
    this.average?.loadStateDict(tensors);
    this.plateau.restore(state.plateau);
    this.earlyStopping.restore(state.earlyStopping);
    // A run that had all its epochs may have been given more.
    const more = state.finished === "all epochs done" && state.epoch < this.epochs;
    this.state = more ? { ...state, finished: null } : state;
  }

  /**
   * Trains until the last epoch, early stopping, the pause or the signal; checkpoints and metrics go into the folder.
   */
  async run(folder: RunFolder, keeper?: EpochKeeper): Promise<TrainingOutcome> {
    const { signal, pauseAfter = Number.POSITIVE_INFINITY } = this.options;
    if (this.state.finished !== null) return this.state.finished;
    if (this.state.globalStep === 0) await this.save(folder, "last");
    while (this.state.finished === null) {
      if (this.state.epoch >= pauseAfter) return "paused";
      const whole = await this.epoch(folder, keeper);
      if (this.state.finished === null && (!whole || signal?.aborted === true)) return "interrupted";
    }
    return this.state.finished;
  }

  /** One epoch, or what is left of it; false when the signal ended it. */
  private async epoch(folder: RunFolder, keeper?: EpochKeeper): Promise<boolean> {
    const { config, now, observer } = this.options;
    const started = now();
    const batches = this.batchesOf(this.state.epoch);
    const trained = await this.trainOn(folder, batches, started, keeper);
    if (!trained) {
      await this.save(folder, "last");
      return false;
    }
    const seconds = (now() - started) / 1000;
    const means = meansOf(this.state.sums);
    const validation = await this.validate();
    if (validation === undefined) {
      await this.save(folder, "last");
      return false;
    }
    const { epoch } = this.state;
    const learningRate = this.learningRateAt(this.state.globalStep - 1);
    const better = this.state.best === null || validation.loss < this.state.best.loss;
    if (config.schedule === "plateau") this.plateau.step(validation.loss);
    const stop = this.earlyStopping.step(validation.loss);
    const last = epoch + 1 >= this.epochs;
    this.state = {
      ...this.state,
      epoch: epoch + 1,
      step: 0,
      plateau: this.plateau.state(),
      earlyStopping: this.earlyStopping.state(),
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
    };
    await folder.appendMetrics(record);
    await keeper?.epoch(record);
    if (better) await this.save(folder, "best");
    await this.save(folder, "last");
    await keeper?.saved(record, () => this.samples());
    observer?.epoch?.(record);
    return true;
  }

  /** Frees the memory of the steps on the device, for what comes after training. */
  close(): Promise<void> {
    return this.programs.destroy();
  }

  private async trainOn(
    folder: RunFolder,
    batches: readonly (readonly DrawnSlice[])[],
    started: number,
    keeper: EpochKeeper | undefined,
  ): Promise<{ readonly slices: number; readonly waitedSeconds: number } | undefined> {
    const { cache, config, model, now, signal } = this.options;
    const { epoch, step: first } = this.state;
    const reader = new BatchReader(cache, batches.slice(first), {
      now,
      window: model.window,
      expand: (key) => neighborsOf(cache.cases, key, model.inputSlices),
    });
    const runner = this.batchRunner(first);
    let slices = 0;
    try {
      for (let next = await reader.next(); next !== undefined; next = await reader.next()) {
        this.optimizer.learningRate = this.learningRateAt(this.state.globalStep);
        await runner.step(next.keys, next.batch, epoch);
        reader.release(next.batch);
        slices += next.keys.length;
        const step = this.state.step + 1;
        this.state = {
          ...this.state,
          step,
          globalStep: this.state.globalStep + 1,
          optimizerSteps: this.optimizer.steps,
        };
        const due = config.checkpointEvery !== null && step % config.checkpointEvery === 0 && step < batches.length;
        if (runner.full || due || signal?.aborted || step === batches.length) {
          await this.takeMetrics(runner, keeper);
          this.report(batches.length, started, slices, reader.waitedSeconds);
        }
        if (due) await this.save(folder, "last");
        if (signal?.aborted) return undefined;
      }
    } finally {
      await reader.close();
    }
    return { slices, waitedSeconds: reader.waitedSeconds };
  }

  private batchRunner(firstStep: number): BatchRunner {
    const { cache, config, model } = this.options;
    return new BatchRunner(
      {
        cache,
        programs: this.programs,
        optimizer: this.optimizer,
        average: this.average,
        preprocessing: this.preprocessing,
        inputSlices: model.inputSlices,
        augmentation: config.augmentation,
        seed: config.seed,
        microBatch: config.microBatch,
        alone: this.alone,
        sampleNumber: (key) => (this.sampleNumbers.get(keyText(key)) ?? 0) + key.draw * this.sampleNumbers.size,
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

  private samples(): Promise<SampleSlice[]> {
    const { cache, model } = this.options;
    const slices = chosenSamples(cache.cases, this.validationSlices);
    const atOnce = Math.min(this.validatedAtOnce, this.validationSlices.length);
    return labelSamples(
      { cache, programs: this.programs, preprocessing: this.preprocessing, inputSlices: model.inputSlices, atOnce },
      slices,
    );
  }

  private report(steps: number, started: number, slices: number, waitedSeconds: number): void {
    const { config, now, observer } = this.options;
    const { epoch, step, sums } = this.state;
    const seconds = (now() - started) / 1000;
    const { loss, dice } = meansOf(sums);
    const perSecond = slices / seconds;
    observer?.step?.({
      epoch,
      epochs: this.epochs,
      step,
      steps,
      dice,
      loss,
      learningRate: this.optimizer.learningRate,
      slicesPerSecond: perSecond,
      waitedShare: waitedSeconds / seconds,
      secondsLeft: ((steps - step) * Math.min(config.batch, this.trainingSlices.length)) / perSecond,
    });
  }

  private learningRateAt(step: number): number {
    const { schedule, warmupSteps } = this.options.config;
    const { totalSteps } = this;
    return this.plateau.learningRate * learningRateFactor({ schedule, warmupSteps, totalSteps }, step);
  }

  private get validatedAtOnce(): number {
    const { batch, microBatch } = this.options.config;
    return microBatch ?? batch;
  }

  /** Undefined when the signal ended it: a run that is resumed with all steps of an epoch done begins with it. */
  private async validate(): Promise<ValidationResult | undefined> {
    const { cache, config, model, observer, signal } = this.options;
    const { fastDevRun } = config;
    const atOnce = this.validatedAtOnce;
    return validate({
      cache,
      programs: this.programs,
      preprocessing: this.preprocessing,
      classes: model.classes.length,
      atOnce,
      inputSlices: model.inputSlices,
      slices: fastDevRun ? this.validationSlices.slice(0, atOnce) : this.validationSlices,
      ...(signal === undefined ? {} : { signal }),
      onProgress: (done, total) => observer?.validating?.(done, total),
    }).catch((error: unknown) => {
      if (signal?.aborted === true && error === signal.reason) return undefined;
      throw error;
    });
  }

  private batchesOf(epoch: number): DrawnSlice[][] {
    const { seed, batch, oversample, overfitBatches, fastDevRun } = this.options.config;
    const { trainingSlices, foregroundSlices, alone } = this;
    const batches =
      overfitBatches === null
        ? batchesOfEpoch(trainingSlices, foregroundSlices, { seed, epoch, batch, alone, oversample })
        : inBatches(trainingSlices, batch, alone);
    return fastDevRun ? batches.slice(0, 2) : batches;
  }

  private async save(folder: RunFolder, kind: "best" | "last"): Promise<void> {
    const { model } = this.options;
    const tensors = new Map<string, SafetensorsTensor>([
      ...(await (kind === "best" ? (this.averaged ?? this.network) : this.network).stateDict()),
      ...(kind === "last" ? await this.optimizer.stateDict() : []),
      ...((kind === "last" ? await this.scaler?.stateDict() : undefined) ?? []),
      ...((kind === "last" ? await this.average?.stateDict() : undefined) ?? []),
    ]);
    await folder.saveCheckpoint(kind, tensors, { model, training: savedState(this.state) });
  }
}

const keyText = ({ case: index, slice }: SliceKey): string => `${index}/${slice}`;
