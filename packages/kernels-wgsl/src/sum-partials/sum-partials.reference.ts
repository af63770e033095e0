import type { PartialSum } from "./sum-partials.js";

/** output[o + i] = Σ_k partials[p + k·partialStride + i·elementStride], one segment after the other. */
export function sumPartialsReference(
  partials: ArrayLike<number>,
  segments: readonly PartialSum[],
  output: Float64Array,
): Float64Array {
  for (const { partialOffset, partialStride, elementStride, outputOffset, length, count } of segments) {
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let k = 0; k < count; k++) sum += partials[partialOffset + k * partialStride + i * elementStride] as number;
      output[outputOffset + i] = sum;
    }
  }
  return output;
}
