import { Pauses } from "@lobule/data";
import type { SegmentationNetwork } from "@lobule/nn";
import { EarlyStopping, LossScaler, type Optimizer, ReduceLROnPlateau, WeightAverage } from "@lobule/optim";
import { type Device, makeStartValues, type SafetensorsTensor } from "@lobule/tensor";
import { buildNetwork, type ModelCode, type ModelDescription, networkState } from "../model/model-description.js";
import { requireF16 } from "../require-f16.js";
import type { CheckpointKind } from "../run/saved-checkpoints.js";
import type { TrainingState } from "../run/training-state.js";
import { optimizerOf } from "../settings/optimizer-of.js";
import type { TrainingConfig } from "./config-schema.js";
import { requireStorable } from "./size-check.js";

/** A network that is trained, and what changes with it: all that a checkpoint holds but the counts. */
export class Learner {
  readonly network: SegmentationNetwork;
  readonly optimizer: Optimizer;
  readonly average: WeightAverage | undefined;
  readonly scaler: LossScaler | undefined;
  readonly plateau: ReduceLROnPlateau;
  readonly earlyStopping: EarlyStopping;
  /** Holds the averaged weights, where there are such. */
  private readonly averaged: SegmentationNetwork | undefined;

  /**
   * @throws ModelError when the code makes no network, ConfigError when a checkpoint of it would be too large, PlanError
   * when the adapter cannot store activations as the configuration asks for.
   */
  constructor(
    config: TrainingConfig,
    model: ModelDescription,
    code: ModelCode | undefined,
    device: Pick<Device, "hasF16">,
  ) {
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
  }

  /** The network that is validated and kept as the best: the one with averaged weights, where there are such. */
  get validated(): SegmentationNetwork {
    return this.averaged ?? this.network;
  }

  /** Makes the values that the networks start with. @throws the signal's reason. */
  makeStartValues(signal: AbortSignal | undefined): Promise<void> {
    const networks = [this.network, ...(this.averaged === undefined ? [] : [this.averaged])];
    const variables = networks.flatMap((network) => [...network.namedVariables().values()]);
    return makeStartValues(variables, new Pauses(signal));
  }

  /** Weights to start with, in the place of those drawn by the seed. @throws StateDictError when they are another network's. */
  startFrom(weights: ReadonlyMap<string, SafetensorsTensor>): void {
    this.network.loadStateDict(weights);
    this.averaged?.loadStateDict(weights);
  }

  /** @throws StateDictError, OptimizerStateError when the tensors are not those of this network and optimizer. */
  restore({ optimizerSteps, plateau, earlyStopping }: TrainingState, tensors: ReadonlyMap<string, SafetensorsTensor>) {
    this.network.loadStateDict(networkState(tensors));
    this.optimizer.loadStateDict(tensors, optimizerSteps);
    this.scaler?.loadStateDict(tensors);
    this.average?.loadStateDict(tensors);
    this.plateau.restore(plateau);
    this.earlyStopping.restore(earlyStopping);
  }

  /** What a checkpoint has: of the best one the network alone, of the last all that a resumed run needs. */
  async tensors(kind: CheckpointKind): Promise<ReadonlyMap<string, SafetensorsTensor>> {
    if (kind === "best") return this.validated.stateDict();
    return new Map([
      ...(await this.network.stateDict()),
      ...(await this.optimizer.stateDict()),
      ...((await this.scaler?.stateDict()) ?? []),
      ...((await this.average?.stateDict()) ?? []),
    ]);
  }
}
