/** min(1, maxNorm / (√Σ g² + 1e-6)) over all arrays, in float64. */
export function clipFactorReference(gradients: readonly ArrayLike<number>[], maxNorm: number): number {
  let sum = 0;
  for (const array of gradients) for (let i = 0; i < array.length; i++) sum += (array[i] as number) ** 2;
  return Math.min(1, maxNorm / (Math.sqrt(sum) + 1e-6));
}
