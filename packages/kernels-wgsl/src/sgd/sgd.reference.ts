export interface SgdHyper {
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
}

export interface SgdState {
  readonly parameters: Float64Array;
  readonly momentumBuffer: Float64Array;
}

/** The array `hyper` of a step. */
export const sgdHyper = ({ learningRate, momentum, weightDecay }: SgdHyper): number[] => [
  ...[learningRate, 0, 0, momentum, weightDecay, 0, 0, 0],
];

/** g ← gradient + λp;  b ← μb + g;  p ← p − lr·(g + μb), in float64. */
export function sgdReference(state: SgdState, gradients: ArrayLike<number>, h: SgdHyper): SgdState {
  const gradient = state.parameters.map((p, i) => (gradients[i] as number) + h.weightDecay * p);
  const momentumBuffer = state.momentumBuffer.map((b, i) => h.momentum * b + (gradient[i] as number));
  const parameters = state.parameters.map(
    (p, i) => p - h.learningRate * ((gradient[i] as number) + h.momentum * (momentumBuffer[i] as number)),
  );
  return { parameters, momentumBuffer };
}
