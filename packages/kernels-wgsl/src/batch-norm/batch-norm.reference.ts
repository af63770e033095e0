/**
 * Batch normalisation of values [n, c, pixels], training: y = γ (x − mean) / √(variance + ε) + β by channel.
 * Source: Ioffe and Szegedy 2015, algorithm 1.
 */
export function batchNormReference(
  x: ArrayLike<number>,
  shape: { readonly batch: number; readonly channels: number; readonly pixels: number },
  weight: ArrayLike<number>,
  bias: ArrayLike<number>,
  epsilon: number,
): { readonly y: Float64Array; readonly mean: Float64Array; readonly variance: Float64Array } {
  const { batch, channels, pixels } = shape;
  const y = new Float64Array(x.length);
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  const at = (n: number, c: number, p: number): number => (n * channels + c) * pixels + p;
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    for (let n = 0; n < batch; n++) for (let p = 0; p < pixels; p++) sum += x[at(n, c, p)] as number;
    mean[c] = sum / (batch * pixels);
    let squares = 0;
    for (let n = 0; n < batch; n++) {
      for (let p = 0; p < pixels; p++) squares += ((x[at(n, c, p)] as number) - (mean[c] as number)) ** 2;
    }
    variance[c] = squares / (batch * pixels);
    const scale = (weight[c] as number) / Math.sqrt((variance[c] as number) + epsilon);
    for (let n = 0; n < batch; n++) {
      for (let p = 0; p < pixels; p++) {
        y[at(n, c, p)] = ((x[at(n, c, p)] as number) - (mean[c] as number)) * scale + (bias[c] as number);
      }
    }
  }
  return { y, mean, variance };
}
