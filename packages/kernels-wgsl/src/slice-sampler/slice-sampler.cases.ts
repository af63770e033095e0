import type { SliceSample } from "./slice-sampler.js";

const identity = [1, 0, 0, 0, 1, 0] as const;
const plain: SliceSample = {
  width: 7,
  height: 5,
  scale: 1,
  offset: 0,
  low: -160,
  high: 240,
  outside: -160,
  gain: 1 / 400,
  shift: 0.4,
  transform: identity,
  supersample: 1,
  noise: 0,
  seed: 0,
};
/** 30° about the middle of 8×6, with numbers that no pixel center falls on the edge of. */
const turned = [0.866, -0.5, 1.731, 0.5, 0.866, -0.917] as const;

/** Problems that are checked: the output's extents and what each sample of the batch asks for. */
export const sliceSamplerCases: readonly {
  readonly why: string;
  readonly height: number;
  readonly width: number;
  readonly samples: readonly SliceSample[];
}[] = [
  { why: "as it is, odd extents", height: 5, width: 7, samples: [plain] },
  { why: "one pixel", height: 1, width: 1, samples: [{ ...plain, width: 1, height: 1 }] },
  {
    why: "sources of different sizes in one batch, other scales",
    height: 6,
    width: 8,
    samples: [plain, { ...plain, width: 3, height: 8, scale: 0.5, offset: -20 }, { ...plain, width: 8, height: 1 }],
  },
  {
    why: "shrunk to a third, averaged",
    height: 4,
    width: 5,
    samples: [{ ...plain, width: 16, height: 12, transform: [3.2, 0, 0, 0, 3, 0], supersample: 4 }],
  },
  {
    why: "shrunk to half, where borders tie",
    height: 6,
    width: 8,
    samples: [{ ...plain, width: 16, height: 12, transform: [2, 0, 0, 0, 2, 0], supersample: 2 }],
  },
  {
    why: "enlarged, and mirrored",
    height: 11,
    width: 13,
    samples: [
      { ...plain, transform: [7 / 13, 0, 0, 0, 5 / 11, 0] },
      { ...plain, transform: [-7 / 13, 0, 7, 0, -5 / 11, 5] },
    ],
  },
  {
    why: "turned, mostly outside for one",
    height: 6,
    width: 8,
    samples: [
      { ...plain, transform: turned },
      { ...plain, transform: [1, 0, 100, 0, 1, -300] },
    ],
  },
  {
    why: "turned, with a value of its own outside",
    height: 5,
    width: 7,
    samples: [{ ...plain, outside: 31.5, transform: turned }],
  },
  {
    why: "noise, another seed for each sample",
    height: 9,
    width: 8,
    samples: [
      { ...plain, noise: 0.1, seed: 1 },
      { ...plain, noise: 0.1, seed: 0xffffffff },
    ],
  },
];
