import type { SliceInspection } from "@lobule/train";
import type { SliceMap } from "./draw-plane.js";

/** What an attention gate lets through, on the grid of its level: 0 nothing, 1 all. */
interface Gate {
  readonly width: number;
  readonly height: number;
  readonly alpha: Float32Array;
}

/** A gate's map on the pixels of a slice, placed in the network's input as the slice says. */
export function mapOnSlice(
  { width, height, alpha }: Gate,
  input: Pick<SliceInspection["input"], "width" | "height" | "transform">,
  { slice, columns, rows }: { readonly slice: number; readonly columns: number; readonly rows: number },
): SliceMap {
  const values = new Float32Array(columns * rows);
  const [scaleX, , left, , scaleY, top] = input.transform;
  const at = (pixel: number, scale: number, first: number, extent: number, cells: number): number => {
    const position = (pixel + 0.5) * scale + first;
    return Math.min(cells - 1, Math.floor((position / extent) * cells));
  };
  for (let y = 0; y < rows; y++) {
    const row = at(y, scaleY, top, input.height, height);
    for (let x = 0; x < columns; x++)
      values[y * columns + x] = alpha[row * width + at(x, scaleX, left, input.width, width)] ?? 0;
  }
  return { slice, values };
}
