import type { Module, StateDict } from "@lobule/nn";
import { average, type SafetensorsTensor, type Tensor, type Update } from "@lobule/tensor";

/** Names in a checkpoint, before those of the network. */
const prefix = "ema.";

/**
 * Exponential moving average of a network's variables over the steps of training, kept in a second network that is built
 * alike: w̄ ← d_t·w̄ + (1 − d_t)·w after step t, d_t = min(d, 1 − 1/t).
 *
 * So w̄ is the plain mean of the first weights until there are 1/(1 − d) of them, and does not remember the start values.
 * Running statistics of batch norms are averaged by the same rule, so that they belong to weights like the averaged
 * ones. A step that a loss scaler skips counts as one that changed nothing.
 *
 * Source: Polyak and Juditsky 1992; Tarvainen and Valpola 2017, "Mean teachers are better role models", with the
 * ramp-up of their published code; torch.optim.swa_utils.AveragedModel(use_buffers=True).
 */
export class WeightAverage {
  /**
   * @param averaged a network of its own, built like `network`; its values do not matter.
   * @throws RangeError unless 0 < decay < 1.
   */
  constructor(
    private readonly network: Module,
    private readonly averaged: Module,
    private readonly decay: number,
  ) {
    if (!(decay > 0 && decay < 1)) throw new RangeError(`WeightAverage: decay must be between 0 and 1, got ${decay}`);
  }

  /** The share 1 − d_t of the weights after step `step`, from 1: an input of shape [1] of a step program. */
  share(step: number): Float32Array<ArrayBuffer> {
    return Float32Array.of(Math.max(1 - this.decay, 1 / step));
  }

  /** The change of state of one step, for a program's `updates` after the optimizer's. */
  update(share: Tensor<readonly [1], "f32">): Update {
    const [values, averages] = [this.network, this.averaged].map((each) => [
      ...new Set(each.namedVariables().values()),
    ]);
    return average(values ?? [], averages ?? [], share);
  }

  /** The averages as `ema.<variable>`. */
  async stateDict(): Promise<StateDict> {
    return new Map([...(await this.averaged.stateDict())].map(([name, entry]) => [`${prefix}${name}`, entry]));
  }

  /**
   * Goes on from a saved state; entries of others are left alone.
   * @throws StateDictError when an average is missing, unknown or of another shape.
   */
  loadStateDict(state: ReadonlyMap<string, SafetensorsTensor>): void {
    const own = [...state].filter(([name]) => name.startsWith(prefix));
    this.averaged.loadStateDict(new Map(own.map(([name, entry]) => [name.slice(prefix.length), entry])));
  }
}
