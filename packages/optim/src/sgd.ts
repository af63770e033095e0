import type { StateDict } from "@lobule/nn";
import { type SafetensorsTensor, sgd, type Tensor, type Update, type Variable } from "@lobule/tensor";
import { gradientOptions, type Optimizer, type StepOptions, uniqueParameters, zerosLike } from "./optimizer.js";
import { loadMoments, momentState } from "./optimizer-state.js";

/** Settings of {@link Sgd}. */
export interface SgdOptions {
  /** Step size; 1e-2 by default. Can be changed between steps. */
  readonly learningRate?: number;
  /** Nesterov momentum μ; 0.9 by default, 0 for none. */
  readonly momentum?: number;
  /** L2 penalty, added to the gradient as weightDecay·p; 0 by default. */
  readonly weightDecay?: number;
}

/** Name of the momentum in a checkpoint, before the parameter's own; PyTorch's. */
const prefix = "momentum_buffer.";

/**
 * Stochastic gradient descent with Nesterov momentum: g ← gradient + weightDecay·p, b ← μb + g, p ← p − lr·(g + μb).
 * Source: Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning"; the form and the
 * order of operations of torch.optim.SGD(nesterov=True), and without momentum of torch.optim.SGD.
 */
export class Sgd implements Optimizer {
  readonly parameters: readonly Variable[];
  readonly momentumBuffers: readonly Variable[];
  learningRate: number;
  steps = 0;
  private readonly options: { readonly momentum: number; readonly weightDecay: number };

  /** @param parameters what is trained, by name: `model.namedParameters()`. */
  constructor(
    parameters: ReadonlyMap<string, Variable>,
    { learningRate = 1e-2, momentum = 0.9, weightDecay = 0 }: SgdOptions = {},
  ) {
    const unique = uniqueParameters(parameters);
    this.parameters = [...unique.values()];
    this.momentumBuffers = zerosLike(unique, prefix);
    this.learningRate = learningRate;
    this.options = { momentum, weightDecay };
  }

  /** The eight numbers of a step, which are Adam's where it has the same: learning rate, 0, 0, μ, weight decay, 0, 0, 0. */
  advance(): Float32Array<ArrayBuffer> {
    this.steps += 1;
    const { momentum, weightDecay } = this.options;
    return Float32Array.of(this.learningRate, 0, 0, momentum, weightDecay, 0, 0, 0);
  }

  update(gradients: readonly Tensor[], hyper: Tensor<readonly [8], "f32">, options: StepOptions = {}): Update {
    return sgd(this.parameters, gradients, this.momentumBuffers, hyper, gradientOptions(options));
  }

  /** The momentum as `momentum_buffer.<parameter>`. */
  stateDict(): Promise<StateDict> {
    return momentState(this.moments);
  }

  loadStateDict(state: ReadonlyMap<string, SafetensorsTensor>, steps: number): void {
    loadMoments("SGD", [prefix], this.moments, state, steps);
    this.steps = steps;
  }

  private get moments(): ReadonlyMap<string, Variable> {
    return new Map(this.momentumBuffers.map((buffer) => [buffer.name, buffer]));
  }
}
