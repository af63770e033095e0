import { imageSize } from "../contract/kernel.js";
import { type Conv2dProblem, conv2dShape } from "./conv2d.js";

/** y[n,o,h,w] = Σ_{i,ky,kx} k[o,i,ky,kx] · x[n,i,h·sy+ky−py,w·sx+kx−px], zero outside the image. */
export function conv2dReference(x: ArrayLike<number>, problem: Conv2dProblem, k: ArrayLike<number>): Float64Array {
  const { input, kernel, stride, padding } = problem;
  const output = conv2dShape(problem);
  const y = new Float64Array(imageSize(output));
  let at = 0;
  for (let n = 0; n < output.batch; n++) {
    for (let o = 0; o < output.channels; o++) {
      for (let h = 0; h < output.height; h++) {
        for (let w = 0; w < output.width; w++) {
          let sum = 0;
          for (let i = 0; i < input.channels; i++) {
            for (let ky = 0; ky < kernel[0]; ky++) {
              for (let kx = 0; kx < kernel[1]; kx++) {
                const row = h * stride[0] + ky - padding[0];
                const column = w * stride[1] + kx - padding[1];
                if (row < 0 || row >= input.height || column < 0 || column >= input.width) continue;
                const tap = k[((o * input.channels + i) * kernel[0] + ky) * kernel[1] + kx] as number;
                sum += tap * (x[((n * input.channels + i) * input.height + row) * input.width + column] as number);
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
