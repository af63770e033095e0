import { expect, test } from "vitest";
import type { TrainingConfig } from "./config-schema.js";
import { resolveIntensities } from "./resolve-intensities.js";
import { resolveConfig } from "./training-config.js";

const values = Float32Array.of(10, 20, 30, 900);
/** Cases whose z-scores were asked for. */
const asked: number[] = [];
const source = {
  cache: {
    cases: [
      {
        name: "case",
        shape: [4, 1, 1] as const,
        spacing: [1, 1, 1] as const,
        affine: [[1, 0, 0, 0] as const, [0, 1, 0, 0] as const, [0, 0, 1, 0] as const] as const,
        labelCounts: [[1, 3]],
      },
    ],
    values: async () => values,
    zScores: async (number: number) => {
      asked.push(number);
      return { mean: 240, deviation: 381 };
    },
    labeled: async () => ({ values, labels: Uint8Array.of(1, 1, 1, 0) }),
  },
  cases: { training: [0] },
};

const resolved = (changes: Partial<TrainingConfig>, start?: Parameters<typeof resolveIntensities>[2]) =>
  resolveIntensities(resolveConfig(null, { data: "scans", ...changes }), source, start);

test("the window alone, percentiles of the foreground with z-scores, or a given window with them", async () => {
  expect(await resolved({ window: [0, 100] })).toEqual({ window: [0, 100], notes: [] });
  const normalization = { kind: "foreground", mean: 20, deviation: Math.sqrt(200 / 3) };
  const { window, ...scored } = await resolved({ normalization: "foreground" });
  expect(window[0]).toBeCloseTo(10.1, 12);
  expect(window[1]).toBeCloseTo(29.9, 12);
  expect(scored).toEqual({ normalization, notes: [] });
  expect(await resolved({ normalization: "foreground", window: [15, 40] })).toMatchObject({
    window: [15, 40],
    normalization,
  });
});

test.each<[string, Partial<TrainingConfig>, Float32Array, RegExp]>([
  ["a window beside all values", { window: [2000, 3000] }, values, /the window 2000 to 3000 shows nothing of scans/],
  [
    "a foreground of one value",
    {},
    Float32Array.from({ length: 1000 }, (_, i) => (i < 4 ? i : 50)),
    /99 % of the voxels/,
  ],
])("z-scores of %s are refused: the network would see a constant", async (_what, changes, of, message) => {
  const labels = Uint8Array.from(of, () => 1);
  const cases = source.cache.cases.map((each) => ({
    ...each,
    shape: [of.length, 1, 1] as const,
    labelCounts: [[0, of.length]],
  }));
  const cache = { ...source.cache, cases, values: async () => of, labeled: async () => ({ values: of, labels }) };
  const config = resolveConfig(null, { data: "scans", normalization: "foreground", ...changes });
  await expect(resolveIntensities(config, { ...source, cache })).rejects.toThrow(message);
});

test("a run that begins with the weights of another keeps its z-scores", async () => {
  const normalization = { kind: "foreground" as const, mean: 5, deviation: 2 };
  const start = { window: [0, 99] as const, normalization };
  expect(await resolved({ normalization: "foreground", window: [0, 99] }, start)).toEqual({ ...start, notes: [] });
});

test("z-scores by each image have one window for all, and an image without them is known before training", async () => {
  const normalization = { kind: "image" as const };
  expect(await resolved({ normalization: "image" })).toEqual({ window: [-32, 32], normalization, notes: [] });
  expect(asked).toEqual([0]);
  expect(await resolved({ normalization: "image" }, { window: [-5, 5], normalization })).toMatchObject({
    window: [-5, 5],
  });
  expect(() => resolveConfig(null, { data: "scans", window: [0, 100], normalization: "image" })).toThrow(
    /window.* 0 100 has no effect with .*normalization.* image, .*; leave one out$/,
  );
});
