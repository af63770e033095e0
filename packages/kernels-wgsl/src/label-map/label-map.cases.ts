import type { ImageShape } from "../contract/kernel.js";
import type { LabelField } from "./label-map.js";

/** Problems that are checked. */
export const labelMapCases: readonly {
  readonly why: string;
  readonly shape: ImageShape;
  readonly fields: readonly LabelField[];
}[] = [
  {
    why: "on the network's own grid, odd extents",
    shape: { batch: 1, channels: 3, height: 5, width: 7 },
    fields: [{ width: 7, height: 5, transform: [1, 0, 0, 0, 1, 0] }],
  },
  {
    why: "one pixel",
    shape: { batch: 1, channels: 1, height: 1, width: 1 },
    fields: [{ width: 1, height: 1, transform: [1, 0, 0, 0, 1, 0] }],
  },
  {
    why: "enlarged, and slices of different sizes",
    shape: { batch: 2, channels: 3, height: 8, width: 8 },
    fields: [
      { width: 21, height: 17, transform: [8 / 21, 0, 0, 0, 8 / 17, 0] },
      { width: 3, height: 30, transform: [8 / 3, 0, 0, 0, 8 / 30, 0] },
    ],
  },
  {
    why: "cropped: what the network did not see is background",
    shape: { batch: 1, channels: 2, height: 6, width: 4 },
    fields: [{ width: 9, height: 8, transform: [1, 0, -2, 0, 1, -1] }],
  },
];
