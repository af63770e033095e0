import type { ImageShape } from "../contract/kernel.js";
import type { PatchGrid } from "./patches.js";

/** Problems that are checked. */
export const patchCases: readonly {
  readonly why: string;
  readonly problem: Pick<ImageShape, "batch" | "channels"> & PatchGrid;
}[] = [
  {
    why: "one pixel",
    problem: { batch: 1, channels: 1, height: 1, width: 1, patchHeight: 1, patchWidth: 1, rows: [0], columns: [0] },
  },
  {
    why: "one patch that is the image, odd extents",
    problem: { batch: 2, channels: 3, height: 5, width: 7, patchHeight: 5, patchWidth: 7, rows: [0], columns: [0] },
  },
  {
    why: "patches that overlap along both axes, unevenly",
    problem: {
      batch: 2,
      channels: 3,
      height: 11,
      width: 13,
      patchHeight: 5,
      patchWidth: 6,
      rows: [0, 2, 4, 6],
      columns: [0, 2, 5, 7],
    },
  },
  {
    why: "one row of patches beside each other",
    problem: {
      batch: 1,
      channels: 2,
      height: 4,
      width: 9,
      patchHeight: 4,
      patchWidth: 3,
      rows: [0],
      columns: [0, 3, 6],
    },
  },
];
