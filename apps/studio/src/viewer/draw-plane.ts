import type { Vector3 } from "@lobule/data";
import { colorOfLabel } from "@lobule/report";
import { extentOf, layoutOf, type PlaneName, type Voxel } from "./plane.js";

/** A volume, and what is drawn over it. */
export interface Layers {
  readonly shape: Vector3;
  /** HU, x fastest. */
  readonly data: Int16Array;
  /** HU that become black and white. */
  readonly window: readonly [low: number, high: number];
  readonly labels?: Uint8Array | undefined;
  /** Labels that are not drawn. */
  readonly hidden: ReadonlySet<number>;
  /** How much of a label's color is seen, 0 to 1. */
  readonly opacity: number;
}

/** A map of numbers from 0 to 1 over an axial slice, in the volume's order. */
export interface SliceMap {
  readonly slice: number;
  readonly values: Float32Array;
}

/** Fills the pixels (RGBA) of a plane through `cursor`. */
export function drawPlane(
  pixels: Uint8ClampedArray,
  plane: PlaneName,
  cursor: Voxel,
  { shape, data, window: [low, high], labels, hidden, opacity }: Layers,
  map?: SliceMap,
): void {
  const [columns, rows] = extentOf(plane, shape);
  const { first, column, row } = layoutOf(plane, shape, cursor);
  const scale = 255 / Math.max(high - low, 1);
  const shownMap = plane === "axial" && map?.slice === cursor[2] ? map.values : undefined;
  for (let y = 0, at = 0; y < rows; y++) {
    let index = first + y * row;
    for (let x = 0; x < columns; x++, at += 4, index += column) {
      const gray = ((data[index] ?? low) - low) * scale;
      const label = labels?.[index] ?? 0;
      let [red, green, blue] = [gray, gray, gray];
      if (shownMap !== undefined) {
        const alpha = shownMap[index % (columns * rows)] ?? 0;
        const clipped = Math.min(Math.max(gray, 0), 255);
        [red, green, blue] = mixed(clipped, heat(alpha), 0.55 * alpha);
      } else if (label !== 0 && !hidden.has(label)) {
        [red, green, blue] = mixed(Math.min(Math.max(gray, 0), 255), colorOfLabel(label), opacity);
      }
      pixels[at] = red;
      pixels[at + 1] = green;
      pixels[at + 2] = blue;
      pixels[at + 3] = 255;
    }
  }
}

const mixed = (gray: number, [red, green, blue]: readonly number[], share: number): [number, number, number] => [
  gray + share * ((red ?? 0) - gray),
  gray + share * ((green ?? 0) - gray),
  gray + share * ((blue ?? 0) - gray),
];

/** From dark red to yellow as a number rises from 0 to 1. */
const heat = (value: number): readonly number[] => [255, 40 + 215 * value, 20];
