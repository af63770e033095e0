import { type ImageShape, imageSize } from "../contract/kernel.js";

/** Mean and biased variance of each channel. */
export interface Moments {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** mean_c = Σ x / M and variance_c = Σ (x − mean_c)² / M over the M values of channel c. */
export function momentsReference(x: ArrayLike<number>, { batch, channels, height, width }: ImageShape): Moments {
  const pixels = height * width;
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    for (let n = 0; n < batch; n++) {
      for (let i = 0; i < pixels; i++) sum += x[(n * channels + c) * pixels + i] as number;
    }
    const middle = sum / (batch * pixels);
    let squares = 0;
    for (let n = 0; n < batch; n++) {
      for (let i = 0; i < pixels; i++) squares += ((x[(n * channels + c) * pixels + i] as number) - middle) ** 2;
    }
    mean[c] = middle;
    variance[c] = squares / (batch * pixels);
  }
  return { mean, variance };
}

export interface Affine {
  readonly weight: ArrayLike<number>;
  readonly bias: ArrayLike<number>;
  readonly epsilon: number;
}

/** y = weight_c·(x − mean_c)/√(variance_c + ε) + bias_c. */
export function normalizeReference(
  x: ArrayLike<number>,
  shape: ImageShape,
  { mean, variance }: { readonly mean: ArrayLike<number>; readonly variance: ArrayLike<number> },
  { weight, bias, epsilon }: Affine,
): Float64Array {
  const { channels, height, width } = shape;
  const y = new Float64Array(imageSize(shape));
  for (let at = 0; at < y.length; at++) {
    const c = Math.floor(at / (height * width)) % channels;
    const distance = (x[at] as number) - (mean[c] as number);
    y[at] = ((weight[c] as number) * distance) / Math.sqrt((variance[c] as number) + epsilon) + (bias[c] as number);
  }
  return y;
}

/** Training: each channel is normalized by the moments of its own values. */
export const batchNormReference = (x: ArrayLike<number>, shape: ImageShape, affine: Affine): Float64Array =>
  normalizeReference(x, shape, momentsReference(x, shape), affine);

/** running ← (1 − momentum)·running + momentum·batch, with the variance unbiased: times M/(M − 1), for M = 1 zero. */
export function runningReference(
  running: { readonly mean: ArrayLike<number>; readonly variance: ArrayLike<number> },
  moments: Moments,
  count: number,
  momentum: number,
): Moments {
  const move = (from: ArrayLike<number>, to: Float64Array) =>
    to.map((value, c) => (1 - momentum) * (from[c] as number) + momentum * value);
  const unbiased = moments.variance.map((value) => (value * count) / Math.max(count - 1, 1));
  return { mean: move(running.mean, moments.mean), variance: move(running.variance, unbiased) };
}
