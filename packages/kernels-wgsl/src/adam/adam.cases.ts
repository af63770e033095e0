import type { AdamHyper } from "./adam.reference.js";

export const adamDefaults: AdamHyper = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
  decoupledWeightDecay: 0,
};

/** Problems that are checked: `steps` of them in a row. */
export const adamCases: readonly {
  readonly why: string;
  readonly length: number;
  readonly steps: number;
  readonly hyper: AdamHyper;
}[] = [
  { why: "a single parameter, the first step", length: 1, steps: 1, hyper: adamDefaults },
  { why: "length that no workgroup divides", length: 10_007, steps: 10, hyper: adamDefaults },
  { why: "weight decay added to the gradient", length: 131, steps: 5, hyper: { ...adamDefaults, weightDecay: 0.1 } },
  { why: "decoupled weight decay", length: 131, steps: 5, hyper: { ...adamDefaults, decoupledWeightDecay: 0.1 } },
  { why: "an epsilon that matters", length: 131, steps: 5, hyper: { ...adamDefaults, epsilon: 0.5, beta1: 0.5 } },
];
