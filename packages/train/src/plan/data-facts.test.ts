import type { CachedCase, SliceCache } from "@lobule/data";
import { expect, test } from "vitest";
import { readDataFacts } from "./data-facts.js";

/** Cases of slices of 4×2 voxels of 10×10×5 mm, given by their labels; a value is 100 times its label and its place. */
function cacheOf(cases: readonly (readonly (readonly number[])[])[]): Pick<SliceCache, "cases" | "labeled"> {
  const cached = cases.map((slices, i): CachedCase => {
    const count = (slice: readonly number[]) => [0, 1, 2].map((label) => slice.filter((each) => each === label).length);
    return {
      name: `case ${i}`,
      shape: [4, 2, slices.length],
      spacing: [10, 10, 5],
      affine: [
        [10, 0, 0, 0],
        [0, 10, 0, 0],
        [0, 0, 5, 0],
      ],
      labelCounts: slices.map(count),
    };
  });
  return {
    cases: cached,
    labeled: async ({ case: at, slice }) => {
      const labels = Uint8Array.from(cases[at]?.[slice] ?? []);
      return { labels, values: Int16Array.from(labels, (label, i) => 100 * label + i) };
    },
  };
}

const empty = [0, 0, 0, 0, 0, 0, 0, 0];
const facts = await readDataFacts(
  cacheOf([[empty, [1, 1, 0, 0, 1, 1, 0, 0], [1, 0, 0, 0, 2, 0, 0, 0]], [[1, 1, 0, 0, 0, 0, 0, 0]]]),
  ["background", "liver", "tumor"],
);

test("cases, slices and volumes are counted in full", () => {
  expect(facts).toMatchObject({ cases: 2, slices: 4, foregroundSlices: 3 });
  expect(facts.depth).toEqual({ least: 1, median: 2, most: 3 });
  expect([facts.field.x.median, facts.field.y.median]).toEqual([40, 20]);
  const [liver, tumor] = facts.classes;
  // A voxel has 0.5 ml.
  expect(liver).toMatchObject({ cases: 2, slices: 3, milliliters: { least: 1, median: 1.75, most: 2.5 } });
  expect(tumor).toMatchObject({ label: 2, name: "tumor", cases: 1, slices: 1, milliliters: { median: 0.5 } });
});

test("where classes lie: shares of a side from the middle, to the right and to the front, mean over cases", () => {
  // Voxel centers of a row lie at −3/8, −1/8, 1/8 and 3/8 of the width, rows at −1/4 and 1/4 of the height.
  const [liver, tumor] = facts.classes;
  expect(liver?.offset.x).toEqual({ cases: 2, mean: (-1.375 / 5 - 0.25) / 2, agreeing: 1 });
  expect(tumor?.offset).toEqual({
    x: { cases: 1, mean: -0.375, agreeing: 1 },
    y: { cases: 1, mean: 0.25, agreeing: 1 },
  });
});

test("percentiles are those of the foreground", () => {
  // 100, 101, 104, 105, 100, 204, 100, 101
  expect(facts.foreground).toMatchObject({ median: 101, voxels: 8 });
  expect(facts.foreground.low).toBeCloseTo(100, 10);
  expect(facts.foreground.high).toBeCloseTo(105 + 0.965 * 99, 10);
});

test("a data set without foreground has no percentiles and classes of no case", async () => {
  const none = await readDataFacts(cacheOf([[empty]]), ["background", "liver"]);
  expect(none.foreground).toMatchObject({ low: Number.NaN, voxels: 0 });
  expect(none.classes).toMatchObject([{ cases: 0, milliliters: { median: 0 }, offset: { x: { agreeing: 0 } } }]);
});
