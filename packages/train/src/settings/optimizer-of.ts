import { Adam, type Optimizer, Sgd } from "@lobule/optim";
import type { Variable } from "@lobule/tensor";
import type { OptimizerSpec } from "./optimizer-setting.js";

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
