import { Adam, type Optimizer, Sgd } from "@lobule/optim";
import type { Variable } from "@lobule/tensor";
import { z } from "zod";

const decay = z.number().min(0);

/** How parameters follow their gradients; the equations are with the classes. */
export const optimizerSetting = z.discriminatedUnion("kind", [
  /** Decay is added to the gradient (L2). */
  z.strictObject({ kind: z.literal("adam"), weightDecay: decay.default(0) }),
  /** Decay is apart from the gradient (Loshchilov and Hutter 2019). */
  z.strictObject({ kind: z.literal("adamw"), weightDecay: decay.default(0.01) }),
  /** With Nesterov momentum; decay is added to the gradient. */
  z.strictObject({
    kind: z.literal("sgd"),
    momentum: z.number().min(0).lt(1).default(0.9),
    weightDecay: decay.default(0),
  }),
]);

export type OptimizerSpec = z.output<typeof optimizerSetting>;

export const defaultOptimizer: OptimizerSpec = { kind: "adam", weightDecay: 0 };

/** The optimizer that a spec stands for. */
export function optimizerOf(
  spec: OptimizerSpec,
  parameters: ReadonlyMap<string, Variable>,
  learningRate: number,
): Optimizer {
  switch (spec.kind) {
    case "adam":
      return new Adam(parameters, { learningRate, weightDecay: spec.weightDecay });
    case "adamw":
      return new Adam(parameters, { learningRate, decoupledWeightDecay: spec.weightDecay });
    case "sgd":
      return new Sgd(parameters, { learningRate, momentum: spec.momentum, weightDecay: spec.weightDecay });
  }
}
