import type { StateDict } from "@lobule/nn";
import {
  type GradientOptions,
  type LossScaling,
  type SafetensorsTensor,
  type Tensor,
  type Update,
  Variable,
  zeros,
} from "@lobule/tensor";

/** How the gradients of a step are treated. */
export interface StepOptions {
  /** Keeps f16 gradients from vanishing; the gradients are then those of the scaled loss. */
  readonly scaler?: LossScaling | undefined;
  /** The largest norm of all gradients together: they are multiplied by min(1, clipNorm / (‖g‖ + 1e-6)). */
  readonly clipNorm?: number | null | undefined;
}

/**
 * Changes parameters by their gradients. A step program takes the numbers of {@link advance} as an input of shape [8] and
 * hands its tensor to {@link update}; nothing else changes from step to step.
 */
export interface Optimizer {
  readonly parameters: readonly Variable[];
  /** Size of the next steps. */
  learningRate: number;
  /** Steps taken so far. */
  readonly steps: number;
  /** Counts one step more and returns its numbers. */
  advance(): Float32Array<ArrayBuffer>;
  /**
   * The change of state of one step, for a program's `updates`.
   * @throws ShapeError when the gradients are not one for each of {@link parameters}.
   */
  update(gradients: readonly Tensor[], hyper: Tensor<readonly [8], "f32">, options?: StepOptions): Update;
  /** What it keeps for each parameter. The step count is not among it. */
  stateDict(): Promise<StateDict>;
  /**
   * Goes on from a saved state; entries of others are left alone.
   * @throws OptimizerStateError when anything does not fit; nothing is changed then.
   */
  loadStateDict(state: ReadonlyMap<string, SafetensorsTensor>, steps: number): void;
}

export const gradientOptions = ({ scaler, clipNorm }: StepOptions): GradientOptions => ({
  ...(scaler === undefined ? {} : { scaling: scaler }),
  ...(clipNorm === undefined || clipNorm === null ? {} : { clipNorm }),
});

/** Each variable once, by the first of its names. */
export const uniqueParameters = (parameters: ReadonlyMap<string, Variable>): ReadonlyMap<string, Variable> =>
  new Map([...parameters].filter(([, variable], i, all) => all.findIndex(([, each]) => each === variable) === i));

/** A variable of zeros for each parameter, by the name that it has in a checkpoint. */
export const zerosLike = (parameters: ReadonlyMap<string, Variable>, prefix: string): Variable[] =>
  [...parameters].map(([name, { shape }]) => new Variable(`${prefix}${name}`, shape, zeros, "moment"));
