import { philox4x32, unitInterval } from "../random-fill/philox.js";
import type { Deformation } from "./elastic.js";

/** Where the content of the pixel (x, y) was: (x, y) + d, within the image; {@link elasticImage} has the formula. */
export function elasticSource(
  { deviation, cells, seed }: Deformation,
  [x, y]: readonly [number, number],
  { height, width }: { readonly height: number; readonly width: number },
): readonly [number, number] {
  if (deviation === 0) return [x, y];
  const along = (at: number, extent: number) => {
    const place = ((at + 0.5) * cells) / extent;
    const cell = Math.min(Math.floor(place), cells - 1);
    const t = place - cell;
    const spline = (distance: number): number => {
      const d = Math.abs(distance);
      return d >= 2 ? 0 : d >= 1 ? (2 - d) ** 3 / 6 : 2 / 3 - d ** 2 + d ** 3 / 2;
    };
    return { cell, weights: [1, 0, -1, -2].map((from) => spline(t + from)) };
  };
  const [horizontal, vertical] = [along(x, width), along(y, height)];
  let [u, v] = [x, y];
  vertical.weights.forEach((weightY, j) => {
    horizontal.weights.forEach((weightX, i) => {
      const control = (vertical.cell + j) * (cells + 3) + horizontal.cell + i;
      const [p, q] = philox4x32([control, 1, 0, 0], [seed, 0]).map(unitInterval) as [number, number];
      const radius = deviation * weightX * weightY * Math.sqrt(-2 * Math.log(1 - p));
      u += radius * Math.cos(2 * Math.PI * q);
      v += radius * Math.sin(2 * Math.PI * q);
    });
  });
  const within = (value: number, extent: number): number => Math.min(Math.max(value, 0), extent - 1);
  return [within(u, width), within(v, height)];
}

/** Images [n, c, h, w] after deformation. */
export function elasticImageReference(
  image: ArrayLike<number>,
  deformations: readonly Deformation[],
  { channels, height, width }: { readonly channels: number; readonly height: number; readonly width: number },
): Float64Array {
  const plane = height * width;
  return Float64Array.from({ length: deformations.length * channels * plane }, (_, index) => {
    const first = Math.floor(index / plane) * plane;
    const n = Math.floor(index / plane / channels);
    const at = [index % width, Math.floor((index % plane) / width)] as const;
    const [u, v] = elasticSource(deformations[n] as Deformation, at, { height, width });
    const value = (x: number, y: number): number =>
      image[first + Math.min(y, height - 1) * width + Math.min(x, width - 1)] as number;
    const [left, top] = [Math.floor(u), Math.floor(v)];
    const [s, t] = [u - left, v - top];
    const upper = (1 - s) * value(left, top) + s * value(left + 1, top);
    return (1 - t) * upper + t * ((1 - s) * value(left, top + 1) + s * value(left + 1, top + 1));
  });
}
