/**
 * Resamples a gray image to another size with a triangle filter, as wide as the larger of the two pixels: linear
 * interpolation where it grows, a weighted mean over all that falls together where it shrinks.
 * @param image height × width values, row by row.
 */
export function resample(
  image: Float32Array,
  [width, height]: readonly [number, number],
  [newWidth, newHeight]: readonly [number, number],
): Float32Array {
  const columns = filterWeights(width, newWidth);
  const rows = filterWeights(height, newHeight);
  const narrow = new Float32Array(newWidth * height);
  for (let y = 0; y < height; y++) {
    columns.forEach(({ first, weights }, x) => {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += (weights[k] ?? 0) * (image[y * width + first + k] ?? 0);
      narrow[y * newWidth + x] = sum;
    });
  }
  const result = new Float32Array(newWidth * newHeight);
  rows.forEach(({ first, weights }, y) => {
    for (let k = 0; k < weights.length; k++) {
      const weight = weights[k] ?? 0;
      for (let x = 0; x < newWidth; x++) {
        result[y * newWidth + x] = (result[y * newWidth + x] ?? 0) + weight * (narrow[(first + k) * newWidth + x] ?? 0);
      }
    }
  });
  return result;
}

/** For each new pixel along an axis, the old ones that it is made of and their weights, which sum to 1. */
function filterWeights(length: number, newLength: number): { first: number; weights: number[] }[] {
  const ratio = length / newLength;
  const reach = Math.max(1, ratio);
  return Array.from({ length: newLength }, (_, i) => {
    const center = (i + 0.5) * ratio - 0.5;
    const first = Math.max(0, Math.ceil(center - reach));
    const last = Math.min(length - 1, Math.floor(center + reach));
    const raw = Array.from({ length: last - first + 1 }, (_, k) => 1 - Math.abs(first + k - center) / reach);
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: raw.map((weight) => weight / total) };
  });
}
