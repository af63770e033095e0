import type { ImageShape } from "../contract/kernel.js";
import type { PatchGrid } from "./patches.js";

type Problem = Pick<ImageShape, "batch" | "channels"> & PatchGrid;

/** patch[(n · R + r) · C + k, c, y, x] = image[n, c, rows[r] + y, columns[k] + x] */
export function extractPatchesReference(image: ArrayLike<number>, problem: Problem): Float64Array {
  const { batch, channels, height, width, patchHeight, patchWidth, rows, columns } = problem;
  const values: number[] = [];
  for (let n = 0; n < batch; n++)
    for (const top of rows)
      for (const left of columns)
        for (let c = 0; c < channels; c++)
          for (let y = top; y < top + patchHeight; y++)
            for (let x = left; x < left + patchWidth; x++)
              values.push(image[((n * channels + c) * height + y) * width + x] as number);
  return Float64Array.from(values);
}

/** out = Σ w · patch / Σ w over the patches that hold a pixel, w(y, x) = profile(y, patchHeight) · profile(x, patchWidth). */
export function mergePatchesReference(
  patches: ArrayLike<number>,
  problem: Problem,
  profile: (place: number, extent: number) => number,
): Float64Array {
  const { batch, channels, height, width, patchHeight, patchWidth, rows, columns } = problem;
  const sums = new Float64Array(batch * channels * height * width);
  const weights = new Float64Array(sums.length);
  let at = 0;
  for (let n = 0; n < batch; n++)
    for (const top of rows)
      for (const left of columns)
        for (let c = 0; c < channels; c++)
          for (let y = 0; y < patchHeight; y++)
            for (let x = 0; x < patchWidth; x++) {
              const pixel = ((n * channels + c) * height + top + y) * width + left + x;
              const weight = profile(y, patchHeight) * profile(x, patchWidth);
              sums[pixel] = (sums[pixel] as number) + weight * (patches[at++] as number);
              weights[pixel] = (weights[pixel] as number) + weight;
            }
  return sums.map((sum, i) => sum / (weights[i] as number));
}
