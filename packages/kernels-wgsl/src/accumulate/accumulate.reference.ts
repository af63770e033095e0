/** accumulated ← (keep ? accumulated : 0) + share·gradients, in float64. */
export const accumulateReference = (
  accumulated: ArrayLike<number>,
  gradients: ArrayLike<number>,
  keep: boolean,
  share: number,
): Float64Array =>
  Float64Array.from(gradients, (gradient, i) => (keep ? (accumulated[i] as number) : 0) + share * gradient);
