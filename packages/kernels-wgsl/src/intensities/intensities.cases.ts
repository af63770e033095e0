import { type IntensityChange, noIntensityChange } from "./intensities.js";

/** Problems that are checked: extents, and the change of each image. */
export const intensityCases: readonly {
  readonly why: string;
  readonly height: number;
  readonly width: number;
  readonly changes: readonly Partial<IntensityChange>[];
}[] = [
  { why: "nothing", height: 5, width: 7, changes: [{}] },
  {
    why: "blurred each in its own way",
    height: 9,
    width: 11,
    changes: [{ blur: 0.5 }, {}, { blur: 1 }, { blur: 2.3 }],
  },
  { why: "blurred farther than the image", height: 2, width: 3, changes: [{ blur: 1.5 }] },
  {
    why: "brighter, darker, with more and less contrast",
    height: 6,
    width: 13,
    changes: [{ brightness: 1.25 }, { brightness: 0.75, contrast: 0.8 }, { contrast: 1.25 }],
  },
  {
    why: "resolutions that divide the extents and that do not",
    height: 10,
    width: 12,
    changes: [{ coarse: [5, 6] }, { coarse: [7, 9] }, { coarse: [1, 1] }, { coarse: [10, 12] }],
  },
  {
    why: "gamma and inverted gamma",
    height: 7,
    width: 9,
    changes: [{ gamma: 0.7 }, { invertedGamma: 1.5 }, { gamma: 1.3, invertedGamma: 0.8 }, {}],
  },
  {
    why: "everything, more pixels than a workgroup has lanes",
    height: 33,
    width: 41,
    changes: [
      { blur: 0.8, brightness: 1.2, contrast: 0.9, coarse: [20, 31], invertedGamma: 1.2, gamma: 0.75 },
      { blur: 0.6, gamma: 1.4 },
    ],
  },
  { why: "one pixel", height: 1, width: 1, changes: [{ blur: 1, contrast: 0.8, coarse: [1, 1], gamma: 0.7 }] },
];

/** A change with nothing left out. */
export const fullChange = (change: Partial<IntensityChange>): IntensityChange => ({ ...noIntensityChange, ...change });
