import type { IntensityChange } from "./intensities.js";

/** One image, row by row. */
type Plane = readonly number[];

/** The mirror image of a place beyond the edges: d c b a | a b c d | d c b a. */
function mirrored(at: number, count: number): number {
  const place = ((at % (2 * count)) + 2 * count) % (2 * count);
  return place < count ? place : 2 * count - 1 - place;
}

function blurred(plane: Plane, height: number, width: number, deviation: number): Plane {
  if (deviation === 0) return plane;
  const radius = Math.floor(4 * deviation + 0.5);
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * deviation ** 2)),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return plane.map((_, at) => {
    const [x, y] = [at % width, Math.floor(at / width)];
    return weights.reduce((sum, vertical, j) => {
      const row = mirrored(y + j - radius, height) * width;
      const along = weights.reduce(
        (inner, weight, i) => inner + weight * (plane[row + mirrored(x + i - radius, width)] as number),
        0,
      );
      return sum + (vertical * along) / total ** 2;
    }, 0);
  });
}

const meanOf = (plane: Plane): number => plane.reduce((sum, value) => sum + value, 0) / plane.length;
const deviationOf = (plane: Plane): number => {
  const mean = meanOf(plane);
  return Math.sqrt(meanOf(plane.map((value) => (value - mean) ** 2)));
};

function contrasted(plane: Plane, brightness: number, contrast: number): Plane {
  const bright = plane.map((value) => value * brightness);
  const [mean, least, largest] = [meanOf(bright), Math.min(...bright), Math.max(...bright)];
  return bright.map((value) => Math.min(Math.max(mean + (value - mean) * contrast, least), largest));
}

function coarsened(plane: Plane, height: number, width: number, [rows, columns]: readonly [number, number]): Plane {
  if (rows === 0 || columns === 0) return plane;
  const coarse = (row: number, column: number): number => {
    const y = Math.floor(((2 * row + 1) * height) / (2 * rows));
    const x = Math.floor(((2 * column + 1) * width) / (2 * columns));
    return plane[y * width + x] as number;
  };
  return plane.map((_, at) => {
    const v = Math.max(((Math.floor(at / width) + 0.5) * rows) / height - 0.5, 0);
    const u = Math.max((((at % width) + 0.5) * columns) / width - 0.5, 0);
    const [top, left] = [Math.floor(v), Math.floor(u)];
    const [bottom, right] = [Math.min(top + 1, rows - 1), Math.min(left + 1, columns - 1)];
    const [t, s] = [v - top, u - left];
    const upper = (1 - s) * coarse(top, left) + s * coarse(top, right);
    return (1 - t) * upper + t * ((1 - s) * coarse(bottom, left) + s * coarse(bottom, right));
  });
}

function curved(plane: Plane, gamma: number, inverted: boolean): Plane {
  if (gamma === 1) return plane;
  const [least, largest] = [Math.min(...plane), Math.max(...plane)];
  const range = Math.max(largest - least, 1e-7);
  const bent = plane.map((value) =>
    inverted
      ? largest - range * ((largest - value) / range) ** gamma
      : least + range * ((value - least) / range) ** gamma,
  );
  const scale = deviationOf(plane) / Math.max(deviationOf(bent), 1e-7);
  return bent.map((value) => meanOf(plane) + (value - meanOf(bent)) * scale);
}

/** Images [images, h, w] after all changes; {@link changeIntensities} has the formulas. */
export function changeIntensitiesReference(
  image: ArrayLike<number>,
  changes: readonly IntensityChange[],
  { height, width }: { readonly height: number; readonly width: number },
): Float64Array {
  const pixels = height * width;
  return Float64Array.from(
    changes.flatMap(({ blur, brightness, contrast, coarse, invertedGamma, gamma }, n) => {
      const plane = Array.from({ length: pixels }, (_, at) => image[n * pixels + at] as number);
      const toned = contrasted(blurred(plane, height, width, blur), brightness, contrast);
      return curved(curved(coarsened(toned, height, width, coarse), invertedGamma, true), gamma, false);
    }),
  );
}
