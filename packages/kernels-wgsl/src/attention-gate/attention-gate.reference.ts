import { type ImageShape, imageSize } from "../contract/kernel.js";
import type { AttentionGateProblem } from "./attention-gate.js";

type Numbers = ArrayLike<number>;

/** pre[n,j,y,x] = bias[j] + Σ_c wx[j,c]·skip[n,c,y,x] + wg[j,c]·gating[n,c,y,x]. */
export function attentionPreReference(
  { skip, gating, wx, wg, bias }: Readonly<Record<"skip" | "gating" | "wx" | "wg" | "bias", Numbers>>,
  { shape, inter }: AttentionGateProblem,
): Float64Array {
  const { batch, channels, height, width } = shape;
  const pixels = height * width;
  const pre = new Float64Array(batch * inter * pixels);
  for (let n = 0; n < batch; n++) {
    for (let j = 0; j < inter; j++) {
      for (let i = 0; i < pixels; i++) {
        let sum = bias[j] as number;
        for (let c = 0; c < channels; c++) {
          const at = (n * channels + c) * pixels + i;
          sum += (wx[j * channels + c] as number) * (skip[at] as number);
          sum += (wg[j * channels + c] as number) * (gating[at] as number);
        }
        pre[(n * inter + j) * pixels + i] = sum;
      }
    }
  }
  return pre;
}

/** alpha = 1/(1 + exp(−(psiBias + Σ_j psi[j]·max(pre[n,j,y,x], 0)))), gated = alpha·skip. */
export function attentionGateReference(
  { pre, psi, psiBias, skip }: Readonly<Record<"pre" | "psi" | "psiBias" | "skip", Numbers>>,
  shape: ImageShape,
): { readonly gated: Float64Array; readonly alpha: Float64Array } {
  const { batch, channels, height, width } = shape;
  const pixels = height * width;
  const gated = new Float64Array(imageSize(shape));
  const alpha = new Float64Array(batch * pixels);
  for (let n = 0; n < batch; n++) {
    for (let i = 0; i < pixels; i++) {
      let score = psiBias[0] as number;
      for (let j = 0; j < psi.length; j++) {
        score += (psi[j] as number) * Math.max(pre[(n * psi.length + j) * pixels + i] as number, 0);
      }
      const weight = 1 / (1 + Math.exp(-score));
      alpha[n * pixels + i] = weight;
      for (let c = 0; c < channels; c++) {
        const at = (n * channels + c) * pixels + i;
        gated[at] = weight * (skip[at] as number);
      }
    }
  }
  return { gated, alpha };
}
