import type { StateDict } from "@lobule/nn";
import {
  adam,
  type LossScaling,
  type SafetensorsTensor,
  type Shape,
  type Tensor,
  type Update,
  Variable,
} from "@lobule/tensor";

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

/** Optimizer state that does not fit the parameters; one sentence says what to do. */
export class OptimizerStateError extends Error {
  override readonly name = "OptimizerStateError";
}

/** Names of the two moments in a checkpoint, before the parameter's own; PyTorch's. */
const prefixes = { first: "exp_avg.", second: "exp_avg_sq." } as const;

/**
 * Adam with its moments: m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g²,
 * p ← p − lr/(1 − β₁ᵗ) · m/(√v/√(1 − β₂ᵗ) + ε).
 *
 * A step program takes the numbers of {@link advance} as an input of shape [8] and hands its tensor to {@link update}:
 * learning rate and bias corrections then change from step to step without a new program.
 * Source: Kingma and Ba 2015, algorithm 1; defaults and order of operations as torch.optim.Adam.
 */
export class Adam {
  readonly parameters: readonly Variable[];
  readonly firstMoments: readonly Variable[];
  readonly secondMoments: readonly Variable[];
  /** Size of the next steps. */
  learningRate: number;
  /** Steps taken so far. */
  steps = 0;
  private readonly names: readonly string[];
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
    const unique = [...parameters].filter(
      ([, variable], i, all) => all.findIndex(([, each]) => each === variable) === i,
    );
    const zeros =
      (prefix: string) =>
      ([name, { shape }]: readonly [string, Variable]) =>
        new Variable(`${prefix}${name}`, shape, new Float32Array(sizeOf(shape)), "moment");
    this.names = unique.map(([name]) => name);
    this.parameters = unique.map(([, variable]) => variable);
    this.firstMoments = unique.map(zeros(prefixes.first));
    this.secondMoments = unique.map(zeros(prefixes.second));
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
   * `gradients(loss, parameters, scaler.scale)`. A step that it skips changes nothing, and bias corrections then follow
   * the steps that were taken and not {@link steps}.
   * @throws ShapeError when they do not match.
   */
  update(
    gradients: readonly Tensor[],
    hyper: Tensor<readonly [8], "f32">,
    { scaler }: { readonly scaler?: LossScaling } = {},
  ): Update {
    return adam(this.parameters, gradients, this.firstMoments, this.secondMoments, hyper, scaler);
  }

  /** Both moments as `exp_avg.<parameter>` and `exp_avg_sq.<parameter>`. The step count is not among them. */
  async stateDict(): Promise<StateDict> {
    const state: StateDict = new Map();
    for (const { name, shape, read } of this.entries()) state.set(name, { dtype: "F32", shape, data: await read() });
    return state;
  }

  /**
   * Replaces both moments and the step count. Entries that are no moments are left alone, so that a checkpoint may hold
   * the model's too. Nothing is changed when anything does not fit.
   * @throws OptimizerStateError when a moment is missing, unknown or of another shape, or the count is no whole number.
   */
  loadStateDict(state: ReadonlyMap<string, SafetensorsTensor>, steps: number): void {
    if (!Number.isSafeInteger(steps) || steps < 0) {
      throw new OptimizerStateError(
        `Adam: the step count must be a whole number from 0, got ${steps}; take it from the checkpoint`,
      );
    }
    const entries = this.entries();
    const known = new Set(entries.map(({ name }) => name));
    for (const name of state.keys()) {
      const isMoment = name.startsWith(prefixes.first) || name.startsWith(prefixes.second);
      if (isMoment && !known.has(name)) {
        throw new OptimizerStateError(
          `Adam: '${name}' belongs to no parameter; take a state that was saved from the same network`,
        );
      }
    }
    const writes = entries.map(({ name, shape, write }) => {
      const entry = state.get(name);
      if (entry?.dtype !== "F32" || print(entry.shape) !== print(shape)) {
        const found = entry === undefined ? "is missing" : `is ${entry.dtype} ${print(entry.shape)}`;
        throw new OptimizerStateError(
          `Adam: '${name}' ${found}, expected F32 ${print(shape)}; take a state that was saved from the same network`,
        );
      }
      const { data } = entry;
      return () => write(data);
    });
    for (const write of writes) write();
    this.steps = steps;
  }

  private entries(): {
    name: string;
    shape: Shape;
    read: () => Promise<Float32Array>;
    write: (data: Float32Array) => void;
  }[] {
    const all = [
      [prefixes.first, this.firstMoments],
      [prefixes.second, this.secondMoments],
    ] as const;
    return all.flatMap(([prefix, moments]) =>
      moments.map((moment, i) => ({
        name: `${prefix}${this.names[i]}`,
        shape: moment.shape,
        read: () => moment.read(),
        write: (data: Float32Array) => moment.write(data),
      })),
    );
  }
}

const sizeOf = (shape: Shape): number => shape.reduce((size, extent) => size * extent, 1);
const print = (shape: Shape): string => `[${shape.join(", ")}]`;
