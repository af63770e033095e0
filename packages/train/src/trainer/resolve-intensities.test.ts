import type { SliceKey } from "@lobule/data";
import { describe, expect, test } from "vitest";
import type { Intensities } from "../model/intensities.js";
import type { TrainingConfig } from "./config-schema.js";
import { resolveIntensities } from "./resolve-intensities.js";
import { resolveConfig } from "./training-config.js";

const values = Float32Array.of(10, 20, 30, 900);
/** Cases and channels whose z-scores were asked for. */
const asked: (readonly [number, number])[] = [];
/** Those of the second channel are ten times as large. */
const valuesOf = (channel: number) => (channel === 0 ? values : values.map((value) => 10 * value));
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
    values: async (_: SliceKey, channel = 0) => valuesOf(channel),
    zScores: async (number: number, channel = 0) => {
      asked.push([number, channel]);
      return { mean: 240, deviation: 381 };
    },
    labeled: async (_: SliceKey, channel = 0) => ({ values: valuesOf(channel), labels: Uint8Array.of(1, 1, 1, 0) }),
  },
  cases: { training: [0] },
};

const ofChannels = (names: readonly string[], changes: Partial<TrainingConfig>, start?: readonly Intensities[]) =>
  resolveIntensities(resolveConfig(null, { data: "scans", ...changes }), source, names, start);
/** Of one channel. */
const resolved = async (changes: Partial<TrainingConfig>, start?: Intensities) => {
  const { channels, notes } = await ofChannels(["CT"], changes, start && [start]);
  const [{ name: _, ...intensities } = { name: "", window: [0, 0] as const }] = channels;
  return { ...intensities, notes };
};

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
  await expect(resolveIntensities(config, { ...source, cache }, ["CT"])).rejects.toThrow(message);
});

test("a run that begins with the weights of another keeps its z-scores", async () => {
  const normalization = { kind: "foreground" as const, mean: 5, deviation: 2 };
  const start = { window: [0, 99] as const, normalization };
  expect(await resolved({ normalization: "foreground", window: [0, 99] }, start)).toEqual({ ...start, notes: [] });
});

test("z-scores by each image have one window for all, and an image without them is known before training", async () => {
  const normalization = { kind: "image" as const };
  expect(await resolved({ normalization: "image" })).toEqual({ window: [-32, 32], normalization, notes: [] });
  expect(asked).toEqual([[0, 0]]);
  expect(await resolved({ normalization: "image" }, { window: [-5, 5], normalization })).toMatchObject({
    window: [-5, 5],
  });
  expect(resolveConfig("liver", { data: "scans", normalization: "image" }).window).toBe("auto");
  expect(() => resolveConfig(null, { data: "scans", window: [0, 100], normalization: "image" })).toThrow(
    /window.* 0 100 has no effect with .*normalization.* image, .*; leave one out$/,
  );
});

describe("several channels", () => {
  const foreground = {
    kind: "foreground",
    mean: expect.closeTo(20, 9),
    deviation: expect.closeTo(Math.sqrt(200 / 3), 9),
  };
  const image = { window: [-32, 32], normalization: { kind: "image" } };

  test("go by their names as nnU-Net does, where nothing else is said", async () => {
    const { channels, notes } = await ofChannels(["T1", "ct"], {});
    expect(channels).toMatchObject([
      { name: "T1", ...image },
      { name: "ct", normalization: { kind: "foreground", mean: expect.closeTo(200, 9) } },
    ]);
    expect(notes).toEqual([
      expect.stringContaining("as nnU-Net does by their names: T1 by each image, ct by its foreground"),
    ]);
  });

  test("are each taken as a list says, or all alike", async () => {
    const each = await ofChannels(["CT", "PET"], {
      normalization: ["foreground", "window"],
      window: ["auto", [0, 500]],
    });
    expect(each).toEqual({
      channels: [
        { name: "CT", window: [expect.closeTo(10.1, 9), expect.closeTo(29.9, 9)], normalization: foreground },
        { name: "PET", window: [0, 500] },
      ],
      notes: [],
    });
    const all = await ofChannels(["early", "late"], { window: [0, 500] });
    expect(all.channels.map(({ window }) => window)).toEqual([
      [0, 500],
      [0, 500],
    ]);
    expect((await ofChannels(["a", "b"], { normalization: "image" })).channels).toMatchObject([image, image]);
  });

  test.each([
    [
      ["CT"],
      { normalization: ["image", "image"] },
      "'normalization' is given for 2 channels, and the images of scans have one",
    ],
    [
      ["a", "b", "c"],
      {
        window: [
          [0, 1],
          [0, 2],
        ],
      },
      "'window' is given for 2 channels, and the images of scans have 3 (a, b, c)",
    ],
    [
      ["a", "b"],
      {
        window: [
          [0, 1],
          [0, 2],
        ],
        normalization: ["window", "image"],
      },
      "the window 0 2 has no effect on the channel b",
    ],
    [
      ["a", "b"],
      {
        window: [
          [0, 1],
          [3, 2],
        ],
      },
      "'window' needs two rising numbers, got 3 2",
    ],
  ] as const)("%j with %j is refused", async (names, changes, message) => {
    const config = changes as unknown as Partial<TrainingConfig>;
    await expect(async () => ofChannels(names, config)).rejects.toThrow(message);
  });
});
