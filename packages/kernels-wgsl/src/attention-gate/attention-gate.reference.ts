import type { AttentionGateProblem } from "./attention-gate.js";

export interface AttentionGateArrays {
  readonly skip: ArrayLike<number>;
  readonly gating: ArrayLike<number>;
  readonly wx: ArrayLike<number>;
  readonly wg: ArrayLike<number>;
  readonly bias: ArrayLike<number>;
  readonly psi: ArrayLike<number>;
  readonly psiBias: ArrayLike<number>;
}

/** α = σ(ψ·relu(wx·skip + wg·gating + bias) + ψbias) at each pixel, and α ⊙ skip. Source: Oktay et al. 2018. */
export function attentionGateReference(
  a: AttentionGateArrays,
  { shape: { batch, channels, height, width }, inter }: AttentionGateProblem,
): { readonly gated: Float64Array; readonly alpha: Float64Array } {
  const plane = height * width;
  const gated = new Float64Array(batch * channels * plane);
  const alpha = new Float64Array(batch * plane);
  for (let n = 0; n < batch; n++) {
    for (let p = 0; p < plane; p++) {
      let score = a.psiBias[0] as number;
      for (let j = 0; j < inter; j++) {
        let sum = a.bias[j] as number;
        for (let c = 0; c < channels; c++) {
          const at = (n * channels + c) * plane + p;
          sum += (a.wx[j * channels + c] as number) * (a.skip[at] as number);
          sum += (a.wg[j * channels + c] as number) * (a.gating[at] as number);
        }
        score += (a.psi[j] as number) * Math.max(sum, 0);
      }
      const weight = 1 / (1 + Math.exp(-score));
      alpha[n * plane + p] = weight;
      for (let c = 0; c < channels; c++) {
        const at = (n * channels + c) * plane + p;
        gated[at] = weight * (a.skip[at] as number);
      }
    }
  }
  return { gated, alpha };
}
