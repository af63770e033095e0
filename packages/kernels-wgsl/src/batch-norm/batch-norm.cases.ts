/** Shapes and intensities for the batch norm. */
export const batchNormCases = [
  { why: "one sample, no size a multiple of anything", batch: 1, channels: 3, pixels: 63, scale: 1, mean: 0 },
  { why: "two values a channel: the unbiased factor is 2", batch: 2, channels: 5, pixels: 1, scale: 1, mean: 0 },
  {
    why: "mean 20 deviations from zero: a sum of squares loses digits",
    batch: 2,
    channels: 3,
    pixels: 64,
    scale: 1,
    mean: 20,
  },
  { why: "variance below epsilon", batch: 2, channels: 1, pixels: 63, scale: 1e-3, mean: 0 },
  { why: "many partial statistics", batch: 3, channels: 2, pixels: 7000, scale: 2, mean: -1 },
] as const;
