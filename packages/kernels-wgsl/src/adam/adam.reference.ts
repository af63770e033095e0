/** The values of `hyper` by name, before their rounding to f32. */
export interface AdamHyper {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly decoupledWeightDecay: number;
}

export interface AdamState {
  readonly parameters: Float64Array;
  readonly firstMoment: Float64Array;
  readonly secondMoment: Float64Array;
}

/** The array `hyper` of step `t`, counted from 1. */
export const adamHyper = (h: AdamHyper, t: number): number[] => [
  ...[h.learningRate, 1 - h.beta1, 1 - h.beta2, h.epsilon, h.weightDecay],
  ...[1 - h.beta1 ** t, Math.sqrt(1 - h.beta2 ** t), h.decoupledWeightDecay],
];

/** m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;  p ← p − lr·λ·p − lr/bc₁ · m/(√v/√bc₂ + ε), with g + λ₂p for g. */
export function adamReference(state: AdamState, gradients: ArrayLike<number>, h: AdamHyper, t: number): AdamState {
  const [, , , , , correction1, rootCorrection2] = adamHyper(h, t) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const gradient = state.parameters.map((p, i) => (gradients[i] as number) + h.weightDecay * p);
  const firstMoment = state.firstMoment.map((m, i) => h.beta1 * m + (1 - h.beta1) * (gradient[i] as number));
  const secondMoment = state.secondMoment.map((v, i) => h.beta2 * v + (1 - h.beta2) * (gradient[i] as number) ** 2);
  const parameters = state.parameters.map((p, i) => {
    const denominator = Math.sqrt(secondMoment[i] as number) / rootCorrection2 + h.epsilon;
    const step = (h.learningRate / correction1) * ((firstMoment[i] as number) / denominator);
    return p - h.learningRate * h.decoupledWeightDecay * p - step;
  });
  return { parameters, firstMoment, secondMoment };
}
