import { DataError, type Volume } from "@lobule/data";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ClassMeasures, evaluateCase } from "./evaluate-case.js";
import type { VolumeEdge } from "./surface-distance.js";
import { labelVolume, labelVolumePairs } from "./testing.js";

const classes = ["background", "liver", "tumor"];
const name = "liver_3";

describe("evaluateCase", () => {
  // 2 × 2 × 2 voxels of 10 mm × 10 mm × 5 mm, each half a milliliter; slices one after the other.
  const truth = labelVolume([2, 2, 2], [10, 10, 5], [1, 1, 0, 0, 1, 1, 0, 0]);
  const prediction = labelVolume([2, 2, 2], [10, 10, 5], [1, 1, 1, 0, 1, 0, 0, 2]);

  test("worked by hand", async () => {
    const result = await evaluateCase(truth, prediction, classes, { name });
    expect(result).toMatchObject({ name, shape: [2, 2, 2], spacing: [10, 10, 5], tolerance: 2 });
    expect(result.classes).toEqual<ClassMeasures[]>([
      {
        label: 1,
        name: "liver",
        dice: {
          slices: 2,
          sliceDiceSum: 4 / 5 + 2 / 3,
          foregroundSlices: 2,
          foregroundSliceDiceSum: 4 / 5 + 2 / 3,
          intersection: 3,
          predicted: 4,
          target: 4,
        },
        // Of two voxels along an axis neither end is a surface, so that the first voxel of the prediction is inside.
        // Distances are 0, 0, 5, 5 from the truth and 0, 0, 10 from the prediction.
        hausdorff95: expect.closeTo(9, 12),
        normalizedSurfaceDistance: 4 / 7,
        truthAtEdge: false,
        volume: { truth: 2, prediction: 2, error: 0, errorPercent: 0 },
      },
      {
        label: 2,
        name: "tumor",
        dice: {
          slices: 2,
          sliceDiceSum: 1,
          foregroundSlices: 0,
          foregroundSliceDiceSum: 0,
          intersection: 0,
          predicted: 1,
          target: 0,
        },
        hausdorff95: null,
        normalizedSurfaceDistance: 0,
        truthAtEdge: false,
        volume: { truth: 0, prediction: 0.5, error: 0.5, errorPercent: null },
      },
    ]);
  });

  test("the tolerance is the caller's", async () => {
    const [liver] = (await evaluateCase(truth, prediction, classes, { name, tolerance: 5 })).classes;
    expect(liver?.normalizedSurfaceDistance).toBe(6 / 7);
  });

  test("says in how many dimensions surfaces were measured, and where the truth reaches an edge that counts", async () => {
    const organ = (depth: number): Volume<Uint8Array> =>
      labelVolume([5, 5, depth], [1, 1, 2], (x, y) => Number(x > 0 && x < 4 && y > 0 && y < 4));
    const surfaces = async (depth: number, edge: VolumeEdge) => {
      const result = await evaluateCase(organ(depth), organ(depth), classes, { name, edge });
      return [result.edge, result.surfaceDimensions, ...result.classes.map(({ truthAtEdge }) => truthAtEdge)];
    };
    expect(await surfaces(1, "surface")).toEqual(["surface", 2, false, false]);
    expect(await surfaces(2, "surface")).toEqual(["surface", 3, false, false]);
    expect(await surfaces(3, "surface")).toEqual(["surface", 3, true, false]);
    expect(await surfaces(3, "cut")).toEqual(["cut", 3, false, false]);
  });

  test.each([-1, Number.NaN])("a tolerance of %d mm is refused", async (tolerance) => {
    await expect(evaluateCase(truth, prediction, classes, { name, tolerance })).rejects.toThrow(/must be 0 mm or more/);
  });

  test("the same map is perfect; swapped maps give the same Dice and distances and the opposite error", async () => {
    await fc.assert(
      fc.asyncProperty(labelVolumePairs(3), async ([a, b]) => {
        // A class that fills a volume of two voxels an axis has no surface.
        for (const same of (await evaluateCase(a, a, classes, { name })).classes) {
          expect(same.dice.sliceDiceSum).toBe(same.dice.slices);
          expect([null, 0]).toContain(same.hausdorff95);
          expect([null, 1]).toContain(same.normalizedSurfaceDistance);
          expect(same.volume.error).toBe(0);
        }
        const swapped = (await evaluateCase(b, a, classes, { name })).classes;
        (await evaluateCase(a, b, classes, { name })).classes.forEach((measures, i) => {
          const other = swapped[i];
          expect(measures.hausdorff95).toBe(other?.hausdorff95);
          expect(measures.normalizedSurfaceDistance).toBe(other?.normalizedSurfaceDistance);
          expect(measures.dice.sliceDiceSum).toBe(other?.dice.sliceDiceSum);
          expect(measures.volume.error + (other?.volume.error ?? Number.NaN)).toBe(0);
        });
      }),
    );
  });

  test("the numbers may be of any type", async () => {
    const floats = (volume: Volume): Volume => ({ ...volume, data: Float32Array.from(volume.data) });
    expect(await evaluateCase(floats(truth), prediction, classes, { name })).toEqual(
      await evaluateCase(truth, prediction, classes, { name }),
    );
  });

  test("a voxel of a scan with tilted gantry is smaller than its edges say", async () => {
    const angle = (20 * Math.PI) / 180;
    const affine = [
      [10, 0, 0, 0],
      [0, 10, 5 * Math.sin(angle), 0],
      [0, 0, 5 * Math.cos(angle), 0],
    ] as const;
    const [liver] = (await evaluateCase({ ...truth, affine }, { ...prediction, affine }, classes, { name })).classes;
    expect(liver?.volume.truth).toBeCloseTo(2 * Math.cos(angle), 12);
  });

  const shifted: Volume = {
    ...truth,
    affine: [truth.affine[0], truth.affine[1], [0, 0, 5, 30.6]],
  };

  test("the affines may differ by what headers lose to rounding", async () => {
    const rounded: Volume = { ...truth, affine: [truth.affine[0], truth.affine[1], [1e-5, 0, 5, 30.001]] };
    expect((await evaluateCase(truth, rounded, classes, { name })).classes[0]?.hausdorff95).toBe(0);
  });

  test.each([
    [
      "a label that is no class",
      { ...truth, data: Uint8Array.of(0, 0, 0, 0, 0, 3, 0, 0) },
      /liver_3: slice 1 .* none of the classes background, liver, tumor;.* prediction 3/,
    ],
    [
      "another shape",
      labelVolume([2, 2, 1], [10, 10, 5], [0, 0, 0, 0]),
      /liver_3: the prediction has 2×2×1 voxels, but the truth has 2×2×2/,
    ],
    ["another place", shifted, /liver_3: .* 0\.600 mm apart/],
    [
      "another spacing",
      labelVolume([2, 2, 2], [10, 10, 6], truth.data),
      /liver_3: the prediction has a spacing of 10×10×6 mm, but the truth one of 10×10×5 mm/,
    ],
  ])("%s is refused", async (_, other, message) => {
    await expect(evaluateCase(truth, other, classes, { name })).rejects.toThrow(DataError);
    await expect(evaluateCase(truth, other, classes, { name })).rejects.toThrow(message);
  });
});
