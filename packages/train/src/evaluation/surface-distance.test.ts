import type { Vector3, Volume } from "@lobule/data";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  boxesOfLabels,
  hausdorff95,
  normalisedSurfaceDistance,
  type SurfaceDistances,
  surfaceDistances,
} from "./surface-distance.js";
import { labelVolume, labelVolumePairs } from "./testing.js";

const distancesOf = (truth: Volume, prediction: Volume, label = 1): SurfaceDistances =>
  surfaceDistances(truth, prediction, label, boxesOfLabels([truth, prediction], 4)[label] ?? null);

/** Positions in mm of the voxels of a label that have a neighbour without it, or none for want of volume. */
function surfacePoints({ data, shape: [nx, ny, nz], spacing: [sx, sy, sz] }: Volume, label: number): Vector3[] {
  const at = (x: number, y: number, z: number): boolean =>
    x >= 0 && x < nx && y >= 0 && y < ny && z >= 0 && z < nz && data[x + nx * (y + ny * z)] === label;
  const points: Vector3[] = [];
  for (let z = 0; z < nz; z++)
    for (let y = 0; y < ny; y++)
      for (let x = 0; x < nx; x++) {
        const neighbours = [
          at(x - 1, y, z),
          at(x + 1, y, z),
          at(x, y - 1, z),
          at(x, y + 1, z),
          at(x, y, z - 1),
          at(x, y, z + 1),
        ];
        if (at(x, y, z) && neighbours.includes(false)) points.push([x * sx, y * sy, z * sz]);
      }
  return points;
}

/** From each point to the nearest of the others, by trying all. */
const bruteForce = (points: Vector3[], others: Vector3[]): number[] =>
  points
    .map((a) => Math.min(Infinity, ...others.map((b) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]))))
    .sort((a, b) => a - b);

const filled = (shape: Vector3, inside: (x: number, y: number, z: number) => boolean, spacing: Vector3 = [1, 1, 1]) =>
  labelVolume(shape, spacing, (x, y, z) => (inside(x, y, z) ? 1 : 0));

describe("surface distances", () => {
  test("equal all pairs of boundary voxels", () => {
    fc.assert(
      fc.property(labelVolumePairs(4), fc.integer({ min: 1, max: 3 }), ([truth, prediction], label) => {
        const [ofTruth, ofPrediction] = [surfacePoints(truth, label), surfacePoints(prediction, label)];
        const expected = [bruteForce(ofTruth, ofPrediction), bruteForce(ofPrediction, ofTruth)];
        const { fromTruth, fromPrediction } = distancesOf(truth, prediction, label);
        [fromTruth, fromPrediction].forEach((distances, side) => {
          expect(distances.length).toBe(expected[side]?.length);
          distances.forEach((distance, i) => {
            const brute = expected[side]?.[i] ?? Number.NaN;
            if (brute === Infinity) expect(distance).toBe(Infinity);
            else expect(Math.abs(distance - brute)).toBeLessThanOrEqual(1e-6 * brute);
          });
        });
      }),
    );
  });

  test("the inside of a region is no boundary, the edge of the volume is", () => {
    const whole = filled([3, 3, 3], () => true);
    expect(distancesOf(whole, whole).fromTruth).toHaveLength(26);
    const cube = filled([7, 7, 7], (x, y, z) => Math.max(Math.abs(x - 3), Math.abs(y - 3), Math.abs(z - 3)) <= 2);
    expect(distancesOf(cube, cube).fromTruth).toHaveLength(5 ** 3 - 3 ** 3);
  });

  test("two planes that are 3 slices of 2.5 mm apart", () => {
    const plane = (at: number): Volume => filled([4, 5, 9], (_x, _y, z) => z === at, [0.8, 0.8, 2.5]);
    const distances = distancesOf(plane(2), plane(5));
    expect(hausdorff95(distances)).toBe(7.5);
    expect(normalisedSurfaceDistance(distances, 7.5)).toBe(1);
    expect(normalisedSurfaceDistance(distances, 7.4)).toBe(0);
  });
});

describe("hausdorff95", () => {
  const at = (fromTruth: number[], fromPrediction: number[]): SurfaceDistances => ({
    fromTruth: Float64Array.from(fromTruth),
    fromPrediction: Float64Array.from(fromPrediction),
  });

  test("is the larger of two percentiles, between neighbours in rank", () => {
    const hundred = Array.from({ length: 101 }, (_, i) => i);
    expect(hausdorff95(at(hundred, [1]))).toBe(95);
    expect(hausdorff95(at([1], [0, 10]))).toBeCloseTo(9.5, 12);
  });

  test("does not see a hundredth of the boundary, but a tenth", () => {
    expect(hausdorff95(at([0], [...Array<number>(99).fill(0), 50]))).toBe(0);
    expect(hausdorff95(at([0], [...Array<number>(90).fill(0), ...Array<number>(10).fill(50)]))).toBe(50);
  });

  test("is null where truth or prediction is empty", () => {
    expect(hausdorff95(at([], []))).toBeNull();
    expect(hausdorff95(at([Infinity], []))).toBeNull();
    expect(hausdorff95(at([], [Infinity]))).toBeNull();
  });

  test("is symmetric, 0 for the same map, and grows with the voxels", () => {
    fc.assert(
      fc.property(labelVolumePairs(2), fc.constantFrom(0.5, 2, 4), ([a, b], factor) => {
        expect(hausdorff95(distancesOf(a, b))).toBe(hausdorff95(distancesOf(b, a)));
        expect(hausdorff95(distancesOf(a, a))).toBe(a.data.includes(1) ? 0 : null);
        const scaled = (volume: Volume): Volume => {
          const [x, y, z] = volume.spacing;
          return { ...volume, spacing: [x * factor, y * factor, z * factor] };
        };
        const distance = hausdorff95(distancesOf(a, b));
        // A power of two changes no digit.
        expect(hausdorff95(distancesOf(scaled(a), scaled(b)))).toBe(distance === null ? null : distance * factor);
      }),
    );
  });

  test("a region moved by 4 mm is at most 4 mm away", () => {
    const ball = (centre: number): Volume =>
      filled([24, 16, 10], (x, y, z) => Math.hypot(x - centre, y - 8, 2 * (z - 5)) <= 6, [1, 1, 2]);
    const distance = hausdorff95(distancesOf(ball(8), ball(12))) ?? Number.NaN;
    expect(distance).toBeGreaterThan(3);
    expect(distance).toBeLessThanOrEqual(4);
  });
});

describe("normalisedSurfaceDistance", () => {
  test("worked by hand: a voxel of three lies 2 mm from the truth's one", () => {
    const truth = labelVolume([5, 1, 1], [1, 1, 1], [0, 1, 0, 0, 0]);
    const prediction = labelVolume([5, 1, 1], [1, 1, 1], [1, 1, 0, 1, 0]);
    const distances = distancesOf(truth, prediction);
    expect(distances).toEqual({ fromTruth: Float64Array.of(0), fromPrediction: Float64Array.of(0, 1, 2) });
    expect([0, 1, 2].map((tolerance) => normalisedSurfaceDistance(distances, tolerance))).toEqual([0.5, 0.75, 1]);
  });

  test("a distance that equals the tolerance but for rounding is within it", () => {
    const row = (at: number): Volume => filled([8, 1, 1], (x) => x === at, [0.7, 1, 1]);
    expect(normalisedSurfaceDistance(distancesOf(row(0), row(3)), 2.1)).toBe(1);
    expect(normalisedSurfaceDistance(distancesOf(row(0), row(3)), 2.0999)).toBe(0);
  });

  test("1 for the same map, 0 where only one has the label, null where neither has", () => {
    const some = filled([3, 3, 3], (x) => x === 1);
    const none = filled([3, 3, 3], () => false);
    expect(normalisedSurfaceDistance(distancesOf(some, some), 0)).toBe(1);
    expect(normalisedSurfaceDistance(distancesOf(some, none), 100)).toBe(0);
    expect(normalisedSurfaceDistance(distancesOf(none, some), 100)).toBe(0);
    expect(normalisedSurfaceDistance(distancesOf(none, none), 100)).toBeNull();
  });

  test("symmetric, never falls with the tolerance, and falls by a false voxel far away", () => {
    fc.assert(
      fc.property(labelVolumePairs(2), fc.double({ min: 0, max: 9, noNaN: true }), ([a, b], tolerance) => {
        const score = normalisedSurfaceDistance(distancesOf(a, b), tolerance);
        expect(normalisedSurfaceDistance(distancesOf(b, a), tolerance)).toBe(score);
        expect(normalisedSurfaceDistance(distancesOf(a, b), tolerance + 1) ?? 2).toBeGreaterThanOrEqual(score ?? 2);
      }),
    );
    const truth = filled([30, 5, 5], (x) => x < 3);
    const far = filled([30, 5, 5], (x, y, z) => x < 3 || (x === 29 && y === 0 && z === 0));
    const n = distancesOf(truth, truth).fromTruth.length;
    expect(normalisedSurfaceDistance(distancesOf(truth, far), 2)).toBe((2 * n) / (2 * n + 1));
  });
});

describe("boxesOfLabels", () => {
  test("hold a label in all maps, and nothing more", () => {
    const shape: Vector3 = [6, 5, 4];
    const a = labelVolume(shape, [1, 1, 1], (x, y, z) => (x === 2 && y === 3 && z === 1 ? 1 : 0));
    const b = labelVolume(shape, [1, 1, 1], (x, y, z) => (x === 4 && y === 0 ? 1 : z === 3 ? 3 : 0));
    expect(boxesOfLabels([a, b], 4)).toEqual([
      null,
      { from: [2, 0, 0], to: [5, 4, 4] },
      null,
      { from: [0, 0, 3], to: [6, 5, 4] },
    ]);
  });
});
