import type { StateDict } from "@lobule/nn";
import { adam, type SafetensorsTensor, type Tensor, type Update, type Variable } from "@lobule/tensor";
import { gradientOptions, type Optimizer, type StepOptions, uniqueParameters, zerosLike } from "./optimizer.js";
import { loadMoments, momentState } from "./optimizer-state.js";

/** Settings of {@link Adam}. */
export interface AdamOptions {
  /** Step size; 1e-3 by default. Can be changed between steps. */
  readonly learningRate?: number;
  /** Decay of the first moment; 0.9 by default. */
  readonly beta1?: number;
  /** Decay of the second moment; 0.999 by default. */
  readonly beta2?: number;
  /** Added to the root of the second moment, outside the root; 1e-8 by default. */
  readonly epsilon?: number;
  /** L2 penalty, added to the gradient as weightDecay·p; 0 by default. */
  readonly weightDecay?: number;
  /** AdamW's decay, p ← p·(1 − learningRate·decay) before the step; 0 by default. */
  readonly decoupledWeightDecay?: number;
}

/** Names of the two moments in a checkpoint, before the parameter's own; PyTorch's. */
const prefixes = { first: "exp_avg.", second: "exp_avg_sq." } as const;

/**
 * Adam with its moments: m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g²,
 * p ← p − lr/(1 − β₁ᵗ) · m/(√v/√(1 − β₂ᵗ) + ε).
 *
 * A step program takes the numbers of {@link advance} as an input of shape [8] and hands its tensor to {@link update}:
 * learning rate and bias corrections then change from step to step without a new program.
 *
 * ```ts
 * import { AttentionResUNet } from "@lobule/nn";
 * import { Adam } from "@lobule/optim";
 *
 * const model = new AttentionResUNet({ baseFeatures: 8 });
 * const adam = new Adam(model.namedParameters(), { learningRate: 1e-3 });
 * ```
 *
 * Source: Kingma and Ba 2015, algorithm 1; defaults and order of operations as torch.optim.Adam.
 */
export class Adam implements Optimizer {
  readonly parameters: readonly Variable[];
  readonly firstMoments: readonly Variable[];
  readonly secondMoments: readonly Variable[];
  /** Size of the next steps. */
  learningRate: number;
  /** Steps taken so far. */
  steps = 0;
  private readonly options: Required<AdamOptions>;

  /** @param parameters what is trained, by name: `model.namedParameters()`. */
  constructor(
    parameters: ReadonlyMap<string, Variable>,
    {
      learningRate = 1e-3,
      beta1 = 0.9,
      beta2 = 0.999,
      epsilon = 1e-8,
      weightDecay = 0,
      decoupledWeightDecay = 0,
    }: AdamOptions = {},
  ) {
    const unique = uniqueParameters(parameters);
    this.parameters = [...unique.values()];
    this.firstMoments = zerosLike(unique, prefixes.first);
    this.secondMoments = zerosLike(unique, prefixes.second);
    this.learningRate = learningRate;
    this.options = { learningRate, beta1, beta2, epsilon, weightDecay, decoupledWeightDecay };
  }

  /**
   * The eight numbers of step `step` (from 1): learning rate, 1 − β₁, 1 − β₂, ε, weight decay, 1 − β₁ᵗ, √(1 − β₂ᵗ), decoupled
   * weight decay. The complements and bias corrections are computed in float64: from β₂ in f32 they would lose half their
   * digits.
   * @throws RangeError when the step is no whole number of at least 1.
   */
  hyper(step: number = this.steps + 1): Float32Array<ArrayBuffer> {
    if (!Number.isSafeInteger(step) || step < 1) throw new RangeError(`Adam: steps count from 1, got ${step}`);
    const { beta1, beta2, epsilon, weightDecay, decoupledWeightDecay } = this.options;
    return Float32Array.of(
      this.learningRate,
      1 - beta1,
      1 - beta2,
      epsilon,
      weightDecay,
      1 - beta1 ** step,
      Math.sqrt(1 - beta2 ** step),
      decoupledWeightDecay,
    );
  }

  /** Counts one step more and returns its {@link hyper}. */
  advance(): Float32Array<ArrayBuffer> {
    this.steps += 1;
    return this.hyper(this.steps);
  }

  /**
   * The change of state of one step, for a program's `updates`.
   * @param gradients one for each of {@link parameters}, in their order; with a scaler those of the scaled loss,
   * `gradients(loss, parameters, scaler.scale)`, which are clipped unscaled. A step that it skips changes nothing, and bias corrections then follow
   * the steps that were taken and not {@link steps}.
   * @throws ShapeError when they do not match.
   */
  update(gradients: readonly Tensor[], hyper: Tensor<readonly [8], "f32">, options: StepOptions = {}): Update {
    return adam(
      ...([this.parameters, gradients, this.firstMoments, this.secondMoments, hyper] as const),
      gradientOptions(options),
    );
  }

  /** Both moments as `exp_avg.<parameter>` and `exp_avg_sq.<parameter>`. The step count is not among them. */
  stateDict(): Promise<StateDict> {
    return momentState(this.moments);
  }

  /**
   * Replaces both moments and the step count. Entries that are no moments are left alone, so that a checkpoint may hold
   * the model's too. Nothing is changed when anything does not fit.
   * @throws OptimizerStateError when a moment is missing, unknown or of another shape, or the count is no whole number.
   */
  loadStateDict(state: ReadonlyMap<string, SafetensorsTensor>, steps: number): void {
    loadMoments("Adam", Object.values(prefixes), this.moments, state, steps);
    this.steps = steps;
  }

  private get moments(): ReadonlyMap<string, Variable> {
    return new Map([...this.firstMoments, ...this.secondMoments].map((moment) => [moment.name, moment]));
  }
}
