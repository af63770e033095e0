import { describe, expect, test } from "vitest";
import { costLines, type PlannedFolds, predictCost } from "./predicted-cost.js";
import { timesOnH200 } from "./step-time.js";

describe("times on an H200", () => {
  const times = (flops: number, bytes: number) =>
    timesOnH200({ training: { flops, bytes }, validation: { flops: flops / 100, bytes: bytes / 100 } });

  test("are those that were measured, where these steps were", () => {
    expect(times(632.47e9, 37.02e9).training).toBeCloseTo(52.9, 6);
    expect(times(2516.1e9, 72.86e9).training).toBeCloseTo(175.7, 6);
    const forward = timesOnH200({
      training: { flops: 0, bytes: 0 },
      validation: { flops: 833.17e9, bytes: 20.33e9 },
    });
    expect(forward.validation).toBeCloseTo(35.4, 6);
  });

  test("both rates are ones that the card can have: below its peak and its memory's 4.8 TB/s", () => {
    const [arithmetic, memory] = [times(1e15, 0).training, times(0, 1e15).training];
    expect(1e15 / (arithmetic / 1000)).toBeLessThan(67e12);
    expect(1e15 / (memory / 1000)).toBeLessThan(4.8e12);
    expect(Math.min(arithmetic, memory)).toBeGreaterThan(0);
  });

  test("no step is shorter than the shortest that was timed", () => {
    expect(times(1e9, 1e8).training).toBe(6.1);
  });
});

const planned: PlannedFolds = {
  folds: 5,
  cases: 131,
  slices: 50_000,
  voxels: 50_000 * 512 ** 2,
  channels: 1,
  training: 40_000,
  heldOut: 10_000,
  slicesOfEpoch: 40_000,
  stepsOfEpoch: 1250,
  epochs: 100,
  parameters: 2_000_000,
  moments: 2,
  peakBytes: 4.4e9,
};
const times = { training: 52.9, validation: 0.325, origin: "was timed" };

test("the cost, worked by hand", () => {
  const cost = predictCost(planned, times);
  expect(cost.cacheBytes).toBe(3 * planned.voxels);
  // Of each fold the best weights, and the last ones with two moments.
  expect(cost.checkpointBytes).toBe(5 * 4 * 4 * 2_000_000);
  expect(cost.epoch).toBeCloseTo(1250 * 0.0529 + 10_000 * 0.000325, 10);
  expect(cost.training).toBeCloseTo(500 * cost.epoch, 6);
  expect(cost.decoding).toBeCloseTo((50_000 * 22.7) / 901, 6);
});

test("of two channels a voxel has five bytes in place of three, by which it is decoded and measured too", () => {
  const [one, two] = [1, 2].map((channels) => predictCost({ ...planned, channels }, { ...times, validation: 0 }));
  expect(two?.cacheBytes).toBe(5 * planned.voxels);
  for (const name of ["decoding", "measuring"] as const)
    expect((two?.[name] ?? 0) / (one?.[name] ?? 0)).toBeCloseTo(5 / 3, 10);
});

test("where steps are short, an epoch takes as long as its slices are read", () => {
  expect(predictCost(planned, { ...times, training: 0.1, validation: 0 }).epoch).toBeCloseTo(40_000 / 2466, 10);
});

test("the lines fit a terminal and say that they are derived", () => {
  const lines = costLines(planned, predictCost(planned, times), times);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  const text = lines.join("\n");
  expect(text).toContain("5; each holds out 26 or 27 of 131 cases");
  expect(text).toContain("Derived from measured parts: the step was timed;");
});
