import { type ImageShape, imageSize } from "../contract/kernel.js";

/** y[n,o,2h+dy,2w+dx] = Σ_i k[i,o,dy,dx] · x[n,i,h,w]. */
export function convTranspose2x2Reference(
  x: ArrayLike<number>,
  shape: ImageShape,
  k: ArrayLike<number>,
  outChannels: number,
): Float64Array {
  const { batch, channels, height, width } = shape;
  const y = new Float64Array(imageSize({ batch, channels: outChannels, height: 2 * height, width: 2 * width }));
  let at = 0;
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < outChannels; o++) {
      for (let row = 0; row < 2 * height; row++) {
        for (let column = 0; column < 2 * width; column++) {
          const [h, dy, w, dx] = [row >> 1, row & 1, column >> 1, column & 1];
          let sum = 0;
          for (let i = 0; i < channels; i++) {
            const tap = k[((i * outChannels + o) * 2 + dy) * 2 + dx] as number;
            sum += tap * (x[((n * channels + i) * height + h) * width + w] as number);
          }
          y[at++] = sum;
        }
      }
    }
  }
  return y;
}
