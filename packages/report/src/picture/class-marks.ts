import { colorOfLabel } from "./class-colors.js";
import { Pixels } from "./pixels.js";

/** What fills a class, so that classes are told apart without color too: nothing, lines, dots, crossed lines. */
const fills: readonly ((x: number, y: number, step: number) => boolean)[] = [
  () => false,
  (x, y, step) => (x + y) % step === 0,
  (x, y, step) => x % step < 2 && y % step < 2,
  (_, y, step) => y % step === 0,
  (x, _, step) => x % step === 0,
  (x, y, step) => (x + y) % step === 0 || (x - y + 4096 * step) % step === 0,
];

/**
 * Draws labels into a picture of the same extents: each class by an outline in its color within a dark rim, and by a
 * filling of its own. 30 classes differ in color or filling; the first has none, so that what it holds is seen best.
 * @param labels of each pixel, 0 is background.
 */
export function markLabels(picture: Pixels, labels: Uint8Array): void {
  const { width, height } = picture;
  const edge = Math.max(width, height);
  const [thickness, step] = edge >= 200 ? [2, 8] : [1, 5];
  const labelAt = (x: number, y: number): number => labels[y * width + x] ?? 0;
  /** Whether a pixel up to `reach` away, within the picture, fits. */
  const near = (x: number, y: number, reach: number, fits: (other: number) => boolean): boolean => {
    for (let b = Math.max(0, y - reach); b <= Math.min(height - 1, y + reach); b++) {
      for (let a = Math.max(0, x - reach); a <= Math.min(width - 1, x + reach); a++)
        if (fits(labelAt(a, b))) return true;
    }
    return false;
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const label = labelAt(x, y);
      if (label === 0) {
        if (near(x, y, 1, (other) => other > 0)) picture.mix(x, y, [0, 0, 0], 0.6);
      } else if (near(x, y, thickness, (other) => other !== label)) {
        picture.set(x, y, colorOfLabel(label));
      } else if (fills[(label - 1) % fills.length]?.(x, y, step)) {
        picture.mix(x, y, colorOfLabel(label), 0.8);
      }
    }
  }
}

/** A sample of a class for a legend: a disk on gray, drawn as in a slice. */
export function swatch(label: number, size: number): Pixels {
  const picture = new Pixels(size, size);
  picture.fill(0, 0, size, size, [95, 95, 95]);
  const labels = new Uint8Array(size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      if (Math.hypot(x + 0.5 - size / 2, y + 0.5 - size / 2) < size / 2 - 1) labels[y * size + x] = label;
    }
  }
  markLabels(picture, labels);
  return picture;
}
