import { batchNorm, type Image, type Variable } from "@lobule/tensor";
import { Module } from "../module.js";
import { Scope } from "../scope.js";

/** Settings of a {@link BatchNorm2d}. */
export interface BatchNorm2dOptions<C extends number> {
  readonly channels: C;
  /** Added to the variance; 1e-5 by default. */
  readonly epsilon?: number;
  /** running ← (1 − momentum)·running + momentum·batch; 0.1 by default. */
  readonly momentum?: number;
  readonly scope?: Scope;
}

/** The mean of a batch and its unbiased variance, by channel. */
export interface BatchStatistics {
  readonly mean: Variable;
  readonly variance: Variable;
}

/**
 * Batch normalization by channel: y = γ·(x − mean)/√(variance + ε) + β. x [n, c, h, w] → [n, c, h, w].
 *
 * In training mean and (biased) variance are the batch's, and the running ones follow with the unbiased variance; in
 * inference they are the running ones. Source: Ioffe and Szegedy 2015; update rule as PyTorch's BatchNorm2d.
 */
export class BatchNorm2d<const C extends number> extends Module {
  readonly epsilon: number;
  readonly momentum: number;
  readonly weight: Variable<readonly [C]>;
  readonly bias: Variable<readonly [C]>;
  readonly runningMean: Variable<readonly [C]>;
  readonly runningVariance: Variable<readonly [C]>;
  /**
   * Where training leaves the statistics of a batch instead of moving the running ones by them, for who moves them later
   * (`moveStatistics` of @lobule/tensor). These variables must hold 0 before each run. Affects graphs that are built later.
   */
  separate: BatchStatistics | undefined;

  constructor({ channels, epsilon = 1e-5, momentum = 0.1, scope = new Scope() }: BatchNorm2dOptions<C>) {
    super();
    const shape = [channels] as const;
    this.epsilon = epsilon;
    this.momentum = momentum;
    this.weight = scope.filled("weight", shape, 1, "parameter");
    this.bias = scope.filled("bias", shape, 0, "parameter");
    this.runningMean = scope.filled("running_mean", shape, 0, "statistic");
    this.runningVariance = scope.filled("running_var", shape, 1, "statistic");
  }

  /** @throws ShapeError when x does not have `channels` channels. */
  forward(x: Image<C>): Image<C> {
    const { weight, bias, runningMean, runningVariance, training, epsilon, momentum, separate } = this;
    if (training && separate !== undefined) {
      // (1 − 1)·0 + 1·batch: the statistics themselves.
      const { mean, variance } = separate;
      const left = { runningMean: mean, runningVariance: variance, momentum: 1 };
      return batchNorm(x, { weight, bias, training, epsilon, ...left });
    }
    return batchNorm(x, { weight, bias, runningMean, runningVariance, training, epsilon, momentum });
  }
}
