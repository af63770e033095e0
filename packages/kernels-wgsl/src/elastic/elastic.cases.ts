import type { Deformation } from "./elastic.js";

/** Problems that are checked: extents, and the deformation of each sample. */
export const elasticCases: readonly {
  readonly why: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly deformations: readonly Deformation[];
}[] = [
  { why: "none", channels: 1, height: 5, width: 7, deformations: [{ deviation: 0, cells: 2, seed: 1 }] },
  { why: "one cell", channels: 1, height: 9, width: 8, deformations: [{ deviation: 1.5, cells: 1, seed: 3 }] },
  {
    why: "each sample in its own way, its channels alike",
    channels: 3,
    height: 11,
    width: 13,
    deformations: [
      { deviation: 2, cells: 3, seed: 0xffffffff },
      { deviation: 0, cells: 3, seed: 2 },
      { deviation: 0.7, cells: 5, seed: 2 },
    ],
  },
  {
    why: "farther than the image",
    channels: 1,
    height: 3,
    width: 70,
    deformations: [{ deviation: 30, cells: 2, seed: 9 }],
  },
  { why: "one pixel", channels: 1, height: 1, width: 1, deformations: [{ deviation: 4, cells: 4, seed: 5 }] },
];
