import { uniformStream } from "@lobule/data";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkWindow, resolveWindow, robustRange } from "./resolve-window.js";

/** A cache of one case whose slices hold these values, a voxel a pixel. */
const cacheOf = (...slices: readonly ArrayLike<number>[]) => ({
  cases: [
    {
      name: "case",
      shape: [slices[0]?.length ?? 0, 1, slices.length] as const,
      spacing: [1, 1, 1] as const,
      affine: [[1, 0, 0, 0] as const, [0, 1, 0, 0] as const, [0, 0, 1, 0] as const] as const,
      labelCounts: slices.map(({ length }) => [length]),
    },
  ],
  values: async ({ slice }: { slice: number }) => Float32Array.from(slices[slice] ?? []),
});

const resolved = (window: readonly [number, number] | "auto", ...slices: readonly ArrayLike<number>[]) =>
  resolveWindow(
    { data: "scans" },
    { cache: cacheOf(...slices), cases: { training: [0] } },
    { index: 0, of: "", setting: { name: "CT", window, normalization: "window" } },
  );

const next = uniformStream(1, "intensities");
/** Such as of an MR scan: a background of 0 and values up to 800. */
const magnetic = Array.from({ length: 4000 }, (_, i) => (i % 3 === 0 ? 0 : Math.round(800 * next())));
/** Fractions from 0 to 1. */
const unit = Array.from({ length: 4000 }, () => next());

describe("auto", () => {
  test("is the window of the liver where there is air, with any padding and outliers", async () => {
    const tomography = magnetic.map((value, i) => (i % 3 === 0 ? -1000 : value - 400));
    for (const more of [[], [1.15e6], [-(2 ** 31)], Array(4000).fill(-(2 ** 31))]) {
      expect(await resolved("auto", [...tomography, ...more])).toEqual({ window: [-160, 240], notes: [] });
    }
  });

  test.each<[string, number[]]>([
    ["no outlier", []],
    ["one far above", [1.15e6]],
    ["some far below", [-1e9, -2e9, -1000]],
    ["padding in half of the voxels", Array(4000).fill(-(2 ** 31))],
    ["two kinds of padding", [...Array(500).fill(-(2 ** 31)), ...Array(500).fill(65_535)]],
  ])("is from the 0.5th to the 99.5th percentile elsewhere, and said to be: %s", async (_what, more) => {
    for (const [values, highest] of [
      [magnetic, 800],
      [unit, 1],
    ] as const) {
      const { window, notes } = await resolved("auto", [...values, ...more]);
      expect(window[0] / highest).toBeCloseTo(0, 1.5);
      expect(window[1] / highest).toBeCloseTo(1, 1.5);
      expect(notes).toEqual([expect.stringMatching(/hold no air.* window .* leaves out 0\.5 %.*--window LOW HIGH/)]);
    }
  });

  test("is the whole range of a mask, however rare its foreground", async () => {
    const mask = Array.from({ length: 4000 }, (_, i) => (i < 3 ? 255 : 0));
    expect((await resolved("auto", mask)).window).toEqual([0, 255]);
    expect((await resolved("auto", [...mask, 1e6])).window).toEqual([0, 255]);
  });

  test("of the liver is refused where it shows nothing of what is there", async () => {
    await expect(resolved("auto", [-1000, -900, -800])).rejects.toThrow(
      /the window -160 to 240 shows nothing of scans/,
    );
  });

  test("data of one value are refused", async () => {
    await expect(resolved("auto", [5, 5], [5, 5])).rejects.toThrow(/scans: all training slices hold the value 5 only/);
  });
});

test("the robust range is that of the values, wherever they are, with or without outliers", () => {
  const shift = fc.integer({ min: -1000, max: 1000 });
  const outliers = fc.array(fc.constantFrom(-1, 1), { maxLength: 10 });
  fc.assert(
    fc.property(shift, fc.integer({ min: -3, max: 5 }), outliers, (by, exponent, signs) => {
      const values = unit.map((value) => 10 ** exponent * (value + by));
      const far = signs.map((sign, i) => 10 ** exponent * (by + sign * 100 ** (i + 1)));
      const [low, high] = robustRange(Float64Array.from([...values, ...far]).sort());
      expect(low / 10 ** exponent - by).toBeCloseTo(0.005, 1);
      expect(high / 10 ** exponent - by).toBeCloseTo(0.995, 1);
    }),
  );
});

describe("a window that is given", () => {
  test("is taken as it is", async () => {
    expect(await resolved([0, 400], magnetic)).toEqual({ window: [0, 400], notes: [] });
    expect(await resolved([32_000, 32_100], [0, 32_050])).toEqual({ window: [32_000, 32_100], notes: [] });
  });

  test("is refused where it shows nothing", async () => {
    await expect(resolved([900, 1000], magnetic)).rejects.toThrow(
      /the window 900 to 1000 shows nothing of scans, whose training slices hold values from 0 to 800; give another/,
    );
    await expect(resolved([-100, 0], magnetic)).rejects.toThrow(/shows nothing/);
  });

  test.each<[string, [number, number], number[]]>([
    ["one outlier is in the window", [2000, 3000], [2500]],
    ["one outlier is on its other side", [-40_000, -33_000], [-3e5]],
    ["half of the voxels are padding", [-5000, -4000], Array(4000).fill(-(2 ** 31))],
    ["there is padding on both sides", [1000, 2000], [...Array(900).fill(-(2 ** 31)), ...Array(900).fill(65_535)]],
  ])("is said to show next to nothing where %s", async (_what, window, more) => {
    const { notes } = await resolved(window, [...magnetic, ...more]);
    expect(notes).toEqual([expect.stringContaining(`the window ${window.join(" to ")} shows next to nothing`)]);
    expect(notes[0]).toMatch(/ become the same; 99 % of them are from 0 to 79\d/);
    // What is rare, such as contrast medium, may be all that is looked for.
    const rare = Array.from({ length: 40 }, (_, i) => 810 + i);
    expect((await resolved([801, 900], [...magnetic, ...rare])).notes).toEqual([]);
  });

  test.each([
    [1e9, 1e9 + 100],
    [1, 1 + 1e-6],
    [0, 1e-38],
    [-1e35, 1e35],
  ])("is refused where float32 cannot resolve it, before any volume is read: %d to %d", (low, high) => {
    expect(() => checkWindow({ window: [low, high] })).toThrow(
      /cannot be resolved in 32-bit floating point: it must be at least 1\/1024 as wide as its ends are far from 0/,
    );
  });

  test("is refused where it is taken from such data", async () => {
    await expect(resolved("auto", [1e9, 1e9 + 100])).rejects.toThrow(/cannot be resolved in 32-bit floating point/);
  });
});
