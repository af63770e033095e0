import type { SgdHyper } from "./sgd.reference.js";

export const sgdDefaults: SgdHyper = { learningRate: 1e-2, momentum: 0.9, weightDecay: 0 };

/** Problems that are checked: `steps` of them in a row. */
export const sgdCases: readonly {
  readonly why: string;
  readonly length: number;
  readonly steps: number;
  readonly hyper: SgdHyper;
}[] = [
  { why: "a single parameter, the first step", length: 1, steps: 1, hyper: sgdDefaults },
  { why: "length that no workgroup divides", length: 10_007, steps: 10, hyper: sgdDefaults },
  { why: "weight decay", length: 131, steps: 5, hyper: { ...sgdDefaults, weightDecay: 0.1 } },
  { why: "no momentum", length: 131, steps: 5, hyper: { ...sgdDefaults, momentum: 0 } },
];
