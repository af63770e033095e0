import type { SliceBatchShape, SliceSample } from "./slice-sampler.js";

/** √3 − 2 */
const pole = Math.sqrt(3) - 2;
/** So far the edge goes on: what is farther weighs nothing in 64 bits. */
const reach = 40;

/** Coefficients of the spline through a line of values, of the places −2 … length + 1; by the recursion of Unser et al. */
function lineCoefficients(values: readonly number[]): number[] {
  const at = (i: number): number => values[Math.min(Math.max(i, 0), values.length - 1)] as number;
  const line = Array.from({ length: values.length + 2 * reach }, (_, i) => at(i - reach));
  for (let i = 0; i < line.length; i++) {
    line[i] =
      (line[i] as number) + (i === 0 ? (pole / (1 - pole)) * (line[0] as number) : pole * (line[i - 1] as number));
  }
  for (let i = line.length - 1; i >= 0; i--) {
    const next = i === line.length - 1 ? (-pole / (1 - pole)) * (line[i] as number) : (line[i + 1] as number);
    line[i] = i === line.length - 1 ? next : pole * (next - (line[i] as number));
  }
  return line.slice(reach - 2, reach + values.length + 2).map((value) => 6 * value);
}

const bSpline = (distance: number): number => {
  const d = Math.abs(distance);
  return d >= 2 ? 0 : d >= 1 ? (2 - d) ** 3 / 6 : 2 / 3 - d ** 2 + d ** 3 / 2;
};

/**
 * out(x, y) = gain · clamp(spline, least, greatest) + shift at the place of the transform, the spline through the clipped HU and
 * these the least and the greatest of them; outside the source: `outside`. Without noise.
 */
export function splineSamplerReference(
  slices: readonly ArrayLike<number>[],
  samples: readonly SliceSample[],
  { height, width }: Pick<SliceBatchShape, "height" | "width">,
): Float64Array {
  const out = new Float64Array(samples.length * height * width);
  samples.forEach((sample, n) => {
    const [a, b, c, d, e, f] = sample.transform;
    const rows = Array.from({ length: sample.height }, (_, y) =>
      Array.from({ length: sample.width }, (_, x) => {
        const value = (slices[n]?.[y * sample.width + x] as number) * sample.scale + sample.offset;
        return Math.min(Math.max(value, sample.low), sample.high);
      }),
    );
    const [least, greatest] = [Math.min(...rows.flat()), Math.max(...rows.flat())];
    const alongRows = rows.map(lineCoefficients);
    const columns = Array.from({ length: sample.width + 4 }, (_, x) =>
      lineCoefficients(alongRows.map((row) => row[x] as number)),
    );
    for (let pixel = 0; pixel < height * width; pixel++) {
      const [x, y] = [(pixel % width) + 0.5, Math.floor(pixel / width) + 0.5];
      const [u, v] = [a * x + b * y + c, d * x + e * y + f];
      let value = sample.outside;
      if (u >= 0 && v >= 0 && u <= sample.width && v <= sample.height) {
        let sum = 0;
        columns.forEach((column, i) => {
          column.forEach((coefficient, j) => {
            sum += coefficient * bSpline(u - 0.5 - (i - 2)) * bSpline(v - 0.5 - (j - 2));
          });
        });
        value = Math.min(Math.max(sum, least), greatest);
      }
      out[n * height * width + pixel] = value * sample.gain + sample.shift;
    }
  });
  return out;
}
