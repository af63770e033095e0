import { type ImageShape, imageSize } from "../contract/kernel.js";

/** y[n,o,h,w] = Σ_{i,ky,kx} k[o,i,ky,kx] · x[n,i,h+ky−1,w+kx−1], zero outside the image. */
export function conv3x3Reference(
  x: ArrayLike<number>,
  shape: ImageShape,
  k: ArrayLike<number>,
  outChannels: number,
): Float64Array {
  const { batch, channels, height, width } = shape;
  const y = new Float64Array(imageSize({ ...shape, channels: outChannels }));
  let at = 0;
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < outChannels; o++) {
      for (let h = 0; h < height; h++) {
        for (let w = 0; w < width; w++) {
          let sum = 0;
          for (let i = 0; i < channels; i++) {
            for (let ky = 0; ky < 3; ky++) {
              for (let kx = 0; kx < 3; kx++) {
                const row = h + ky - 1;
                const column = w + kx - 1;
                if (row < 0 || row >= height || column < 0 || column >= width) continue;
                const tap = k[((o * channels + i) * 3 + ky) * 3 + kx] as number;
                sum += tap * (x[((n * channels + i) * height + row) * width + column] as number);
              }
            }
          }
          y[at++] = sum;
        }
      }
    }
  }
  return y;
}
