import { type ImageShape, imageSize } from "../contract/kernel.js";

/** y[n,o,p] = Σ_i k[o,i] · x[n,i,p] at each pixel p. */
export function conv1x1Reference(
  x: ArrayLike<number>,
  shape: ImageShape,
  k: ArrayLike<number>,
  outChannels: number,
): Float64Array {
  const { batch, channels, height, width } = shape;
  const pixels = height * width;
  const y = new Float64Array(imageSize({ ...shape, channels: outChannels }));
  let at = 0;
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < outChannels; o++) {
      for (let p = 0; p < pixels; p++) {
        let sum = 0;
        for (let i = 0; i < channels; i++) {
          sum += (k[o * channels + i] as number) * (x[(n * channels + i) * pixels + p] as number);
        }
        y[at++] = sum;
      }
    }
  }
  return y;
}
