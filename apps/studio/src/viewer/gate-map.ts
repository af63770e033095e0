import type { SliceMap } from "./draw-plane.js";

/** What an attention gate lets through, on the grid of its level: 0 nothing, 1 all. */
interface Gate {
  readonly width: number;
  readonly height: number;
  readonly alpha: Float32Array;
}

/**
 * A gate's map on the pixels of a slice.
 * @param input extents of the network's input.
 * @param resampled whether the slice was resampled to them; else it is in their middle.
 */
export function mapOnSlice(
  { width, height, alpha }: Gate,
  [inputWidth, inputHeight]: readonly [number, number],
  resampled: boolean,
  { slice, columns, rows }: { readonly slice: number; readonly columns: number; readonly rows: number },
): SliceMap {
  const values = new Float32Array(columns * rows);
  // Where the slice begins in an input that it does not fill; as the network's own padding, see fitTransform.
  const left = resampled ? 0 : -Math.floor((columns - inputWidth) / 2);
  const top = resampled ? 0 : -Math.floor((rows - inputHeight) / 2);
  const [scaleX, scaleY] = resampled ? [inputWidth / columns, inputHeight / rows] : [1, 1];
  const at = (pixel: number, scale: number, first: number, extent: number, cells: number): number => {
    const position = (pixel + 0.5) * scale + first;
    return Math.min(cells - 1, Math.floor((position / extent) * cells));
  };
  for (let y = 0; y < rows; y++) {
    const row = at(y, scaleY, top, inputHeight, height);
    for (let x = 0; x < columns; x++)
      values[y * columns + x] = alpha[row * width + at(x, scaleX, left, inputWidth, width)] ?? 0;
  }
  return { slice, values };
}
