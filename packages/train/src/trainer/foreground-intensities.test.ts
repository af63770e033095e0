import fc from "fast-check";
import { expect, test } from "vitest";
import { foregroundIntensities } from "./foreground-intensities.js";

/** A slice, a voxel a pixel in one row. */
interface Slice {
  readonly values: readonly number[];
  readonly labels: readonly number[];
}

/** Cases of such slices, of which the last is not trained on. */
const sourceOf = (cases: readonly (readonly Slice[])[]) => ({
  cache: {
    cases: cases.map((slices) => ({
      name: "case",
      shape: [slices[0]?.values.length ?? 0, 1, slices.length] as const,
      spacing: [1, 1, 1] as const,
      affine: [[1, 0, 0, 0] as const, [0, 1, 0, 0] as const, [0, 0, 1, 0] as const] as const,
      labelCounts: slices.map(({ labels }) => [0, 1, 2].map((label) => labels.filter((each) => each === label).length)),
    })),
    labeled: async ({ case: number, slice }: { case: number; slice: number }) => {
      const found = cases[number]?.[slice];
      return { values: Float32Array.from(found?.values ?? []), labels: Uint8Array.from(found?.labels ?? []) };
    },
  },
  cases: { training: cases.slice(0, -1).map((_, i) => i) },
});

const held: readonly Slice[] = [{ values: [9e4], labels: [1] }];
const intensitiesOf = (cases: readonly (readonly Slice[])[], mostValues?: number) =>
  foregroundIntensities({ data: "scans" }, sourceOf([...cases, held]), mostValues === undefined ? {} : { mostValues });

test("percentiles, mean and deviation are numpy's, of labeled voxels of training cases alone", async () => {
  const indices = Array.from({ length: 240 }, (_, i) => i);
  const values = indices.map((i) => ((i * i * 7 + 13 * i) % 911) - 300);
  const labels = indices.map((i) => ((i * 5) % 7 > 3 ? 1 + (i % 2) : 0));
  const part = (n: number) => ({
    values: values.slice(n * 60, n * 60 + 60),
    labels: labels.slice(n * 60, n * 60 + 60),
  });
  const { range, mean, deviation } = await intensitiesOf([
    [part(0), part(1)],
    [part(2), part(3)],
  ]);
  // numpy 1.24: f = v[label > 0]; np.percentile(f, [0.5, 99.5]), f.mean(), f.std()
  expect(mean).toBeCloseTo(174.1359223300971, 10);
  expect(deviation).toBeCloseTo(265.27351880191014, 10);
  expect(range[0]).toBeCloseTo(-291.41, 10);
  expect(range[1]).toBeCloseTo(591.84, 10);
});

test("of many voxels every so many give the percentiles, and all the mean", async () => {
  const slice = fc.array(fc.tuple(fc.integer({ min: -1000, max: 1000 }), fc.nat(2)), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(slice, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 30 }),
      async (all, most) => {
        const cases = all.map((pairs) => [{ values: pairs.map(([v]) => v), labels: pairs.map(([, label]) => label) }]);
        const seen = all.flat().flatMap(([value, label]) => (label > 0 ? [value] : []));
        fc.pre(new Set(seen).size > 1);
        const { range, mean, deviation } = await intensitiesOf(cases, most);
        const sum = seen.reduce((total, value) => total + value, 0);
        const center = sum / seen.length;
        expect(mean).toBeCloseTo(center, 9);
        const variance = seen.reduce((total, value) => total + (value - center) ** 2, 0) / seen.length;
        expect(deviation).toBeCloseTo(Math.sqrt(variance), 9);
        const taken = seen.filter((_, i) => i % Math.ceil(seen.length / most) === 0);
        expect(range[0]).toBeGreaterThanOrEqual(Math.min(...taken));
        expect(range[1]).toBeLessThanOrEqual(Math.max(...taken));
      },
    ),
    { numRuns: 50 },
  );
});

test("cases without a label, or of one value, are refused with what to do", async () => {
  await expect(intensitiesOf([[{ values: [1, 2], labels: [0, 0] }]])).rejects.toThrow(
    "scans: no training case has a voxel with a label, so there is no foreground to normalize by; leave out --normalization foreground",
  );
  await expect(intensitiesOf([[{ values: [7, 7, 2], labels: [1, 2, 0] }]])).rejects.toThrow(
    "all voxels with a label hold the value 7",
  );
});
