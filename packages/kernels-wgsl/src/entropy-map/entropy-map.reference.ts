import type { ImageShape } from "../contract/kernel.js";
import type { LabelField } from "../label-map/label-map.js";

/** −Σ p ln p over the bilinear interpolations p of probabilities[n, c] at the field's place of each source pixel's center. */
export function entropyMapReference(
  probabilities: ArrayLike<number>,
  fields: readonly LabelField[],
  { channels, height, width }: ImageShape,
): Float64Array[] {
  return fields.map(({ width: columns, height: rows, transform: [a, b, c, d, e, f] }, n) =>
    Float64Array.from({ length: columns * rows }, (_, pixel) => {
      const [x, y] = [(pixel % columns) + 0.5, Math.floor(pixel / columns) + 0.5];
      const [u, v] = [a * x + b * y + c, d * x + e * y + f];
      if (u < 0 || v < 0 || u >= width || v >= height) return 0;
      const [p, q] = [Math.min(Math.max(u - 0.5, 0), width - 1), Math.min(Math.max(v - 0.5, 0), height - 1)];
      const [left, top, s, t] = [Math.floor(p), Math.floor(q), p % 1, q % 1];
      let entropy = 0;
      for (let channel = 0; channel < channels; channel++) {
        const plane = (n * channels + channel) * height * width;
        const at = (i: number, j: number): number =>
          probabilities[plane + Math.min(j, height - 1) * width + Math.min(i, width - 1)] as number;
        const upper = (1 - s) * at(left, top) + s * at(left + 1, top);
        const value = (1 - t) * upper + t * ((1 - s) * at(left, top + 1) + s * at(left + 1, top + 1));
        if (value > 0) entropy -= value * Math.log(value);
      }
      return entropy;
    }),
  );
}
