import { philox4x32, unitInterval } from "../random-fill/philox.js";
import type { SliceBatchShape, SliceSample } from "./slice-sampler.js";

/** Stored values of one source slice, row by row. */
type Slice = ArrayLike<number>;

/**
 * out(x, y) = gain · mean over s² places of bilinear(clamp(stored·scale + offset, low, high)) + shift + noise · z, with z
 * by Box and Muller from philox4x32([pixel, 0, 0, 0], [seed, 0]); outside the source: `outside`.
 */
export function sliceSamplerReference(
  slices: readonly Slice[],
  samples: readonly SliceSample[],
  { height, width }: Pick<SliceBatchShape, "height" | "width">,
): Float64Array {
  const out = new Float64Array(samples.length * height * width);
  samples.forEach((sample, n) => {
    const [a, b, c, d, e, f] = sample.transform;
    const { low, high, outside, scale, offset, supersample: steps, gain, shift, noise, seed } = sample;
    const at = (x: number, y: number): number => {
      if (x < 0 || y < 0 || x >= sample.width || y >= sample.height) return outside;
      const value = (slices[n]?.[y * sample.width + x] as number) * scale + offset;
      return Math.min(Math.max(value, low), high);
    };
    for (let pixel = 0; pixel < height * width; pixel++) {
      let sum = 0;
      for (let j = 0; j < steps; j++) {
        for (let i = 0; i < steps; i++) {
          const x = (pixel % width) + (i + 0.5) / steps;
          const y = Math.floor(pixel / width) + (j + 0.5) / steps;
          const [u, v] = [a * x + b * y + c - 0.5, d * x + e * y + f - 0.5];
          const [left, top] = [Math.floor(u), Math.floor(v)];
          const [s, t] = [u - left, v - top];
          sum += (1 - t) * ((1 - s) * at(left, top) + s * at(left + 1, top));
          sum += t * ((1 - s) * at(left, top + 1) + s * at(left + 1, top + 1));
        }
      }
      const [p, q] = philox4x32([pixel, 0, 0, 0], [seed, 0]).map(unitInterval) as [number, number];
      const normal = Math.sqrt(-2 * Math.log(1 - p)) * Math.cos(2 * Math.PI * q);
      out[n * height * width + pixel] = (sum / steps ** 2) * gain + shift + noise * normal;
    }
  });
  return out;
}

/**
 * The most frequent label at the s² places of an output pixel, 0 outside the source; of equally frequent ones the
 * highest where x + y is even, else the lowest.
 */
export function sliceLabelsReference(
  slices: readonly Slice[],
  samples: readonly SliceSample[],
  { height, width }: Pick<SliceBatchShape, "height" | "width">,
): Uint32Array {
  return Uint32Array.from({ length: samples.length * height * width }, (_, index) => {
    const n = Math.floor(index / (height * width));
    const sample = samples[n] as SliceSample;
    const [a, b, c, d, e, f] = sample.transform;
    const [column, row] = [index % width, Math.floor(index / width) % height];
    const counts = new Map<number, number>();
    for (let k = 0; k < sample.supersample ** 2; k++) {
      const x = column + ((k % sample.supersample) + 0.5) / sample.supersample;
      const y = row + (Math.floor(k / sample.supersample) + 0.5) / sample.supersample;
      const [u, v] = [Math.floor(a * x + b * y + c), Math.floor(d * x + e * y + f)];
      const inside = u >= 0 && v >= 0 && u < sample.width && v < sample.height;
      const label = inside ? (slices[n]?.[v * sample.width + u] as number) : 0;
      counts.set(label, (counts.get(label) ?? 0) + 1);
    }
    const most = Math.max(...counts.values());
    const labels = [...counts].filter(([, count]) => count === most).map(([label]) => label);
    return (column + row) % 2 === 0 ? Math.max(...labels) : Math.min(...labels);
  });
}
