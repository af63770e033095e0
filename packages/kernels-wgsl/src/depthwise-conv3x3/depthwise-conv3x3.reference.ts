import { type ImageShape, imageSize } from "../contract/kernel.js";

/** y[n,c,h,w] = Σ_{ky,kx} k[c,ky,kx] · x[n,c,h+ky−1,w+kx−1], zero outside the image. */
export function depthwiseConv3x3Reference(x: ArrayLike<number>, shape: ImageShape, k: ArrayLike<number>): Float64Array {
  const { batch, channels, height, width } = shape;
  const y = new Float64Array(imageSize(shape));
  let at = 0;
  for (let n = 0; n < batch; n++) {
    for (let c = 0; c < channels; c++) {
      for (let h = 0; h < height; h++) {
        for (let w = 0; w < width; w++) {
          let sum = 0;
          for (let ky = 0; ky < 3; ky++) {
            for (let kx = 0; kx < 3; kx++) {
              const row = h + ky - 1;
              const column = w + kx - 1;
              if (row < 0 || row >= height || column < 0 || column >= width) continue;
              const tap = k[(c * 3 + ky) * 3 + kx] as number;
              sum += tap * (x[((n * channels + c) * height + row) * width + column] as number);
            }
          }
          y[at++] = sum;
        }
      }
    }
  }
  return y;
}
