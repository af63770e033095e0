import { type ImageShape, imageSize } from "../contract/kernel.js";

/**
 * out[n, c, Y, X] = (1 − v)(1 − u)·in[y, x] + (1 − v)u·in[y, x'] + v(1 − u)·in[y', x] + v·u·in[y', x'] at the source
 * coordinates (Y + ½)/2 − ½ and (X + ½)/2 − ½, kept within the image.
 */
export function upsampleBilinear2xReference(input: ArrayLike<number>, shape: ImageShape): Float64Array {
  const { height, width } = shape;
  const places = (length: number) =>
    Array.from({ length: 2 * length }, (_, place) => {
      const source = Math.min(Math.max((place + 0.5) / 2 - 0.5, 0), length - 1);
      const low = Math.floor(source);
      return { low, high: Math.min(low + 1, length - 1), share: source - low };
    });
  const [rows, columns] = [places(height), places(width)];
  const output = new Float64Array(4 * imageSize(shape));
  let at = 0;
  for (let plane = 0; plane < shape.batch * shape.channels; plane++) {
    const value = (y: number, x: number) => input[(plane * height + y) * width + x] as number;
    for (const row of rows) {
      for (const column of columns) {
        const across = (y: number) => (1 - column.share) * value(y, column.low) + column.share * value(y, column.high);
        output[at++] = (1 - row.share) * across(row.low) + row.share * across(row.high);
      }
    }
  }
  return output;
}
