import type { ImageShape } from "../contract/kernel.js";
import type { LabelField } from "./label-map.js";

/** argmax over c of the bilinear interpolation of scores[n, c] at the field's place of each source pixel's center. */
export function labelMapReference(
  scores: ArrayLike<number>,
  fields: readonly LabelField[],
  { channels, height, width }: ImageShape,
): Uint8Array[] {
  return fields.map(({ width: columns, height: rows, transform: [a, b, c, d, e, f] }, n) =>
    Uint8Array.from({ length: columns * rows }, (_, pixel) => {
      const [x, y] = [(pixel % columns) + 0.5, Math.floor(pixel / columns) + 0.5];
      const [u, v] = [a * x + b * y + c, d * x + e * y + f];
      if (u < 0 || v < 0 || u >= width || v >= height) return 0;
      const [p, q] = [Math.min(Math.max(u - 0.5, 0), width - 1), Math.min(Math.max(v - 0.5, 0), height - 1)];
      const [left, top] = [Math.floor(p), Math.floor(q)];
      const values = Array.from({ length: channels }, (_unused, channel) => {
        const at = (i: number, j: number): number =>
          scores[
            ((n * channels + channel) * height + Math.min(j, height - 1)) * width + Math.min(i, width - 1)
          ] as number;
        const [s, t] = [p - left, q - top];
        return (
          (1 - t) * ((1 - s) * at(left, top) + s * at(left + 1, top)) +
          t * ((1 - s) * at(left, top + 1) + s * at(left + 1, top + 1))
        );
      });
      return values.indexOf(Math.max(...values));
    }),
  );
}
