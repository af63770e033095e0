import { type Affine, Pauses, type Vector3, type Volume, voxelVolume } from "@lobule/data";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  boxesOfLabels,
  hausdorff95,
  normalizedSurfaceDistance,
  reachesEdge,
  type SurfaceDistances,
  surfaceDimensions,
  surfaceDistances,
  type VolumeEdge,
  volumeEdges,
} from "./surface-distance.js";
import { labelVolume, labelVolumePairs } from "./testing.js";

const distancesOf = async (
  truth: Volume,
  prediction: Volume,
  label = 1,
  edge?: VolumeEdge,
): Promise<SurfaceDistances> =>
  surfaceDistances(truth, prediction, label, (await boxesOfLabels([truth, prediction], 4))[label] ?? null, edge);

/** Positions in mm of the voxels of a label that have a neighbor without it; `beyond` by axis: whether the edge is one. */
function surfacePoints(
  { data, shape: [nx, ny, nz], affine }: Volume,
  label: number,
  beyond: readonly boolean[] = [nx > 2, ny > 2, nz > 2],
): Vector3[] {
  const within = (x: number, y: number, z: number): boolean => x >= 0 && x < nx && y >= 0 && y < ny && z >= 0 && z < nz;
  const at = (x: number, y: number, z: number): boolean => data[x + nx * (y + ny * z)] === label;
  const points: Vector3[] = [];
  for (let z = 0; z < nz; z++)
    for (let y = 0; y < ny; y++)
      for (let x = 0; x < nx; x++) {
        if (!at(x, y, z)) continue;
        const open = ([dx, dy, dz]: Vector3, axis: number): boolean =>
          within(x + dx, y + dy, z + dz) ? !at(x + dx, y + dy, z + dz) : (beyond[axis] ?? false);
        const steps: readonly Vector3[] = [
          [1, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
        ];
        const onSurface = steps.some((step, axis) => open(step, axis) || open([-step[0], -step[1], -step[2]], axis));
        if (onSurface) {
          const along = ([dx, dy, dz]: Affine[number]): number => dx * x + dy * y + dz * z;
          points.push([along(affine[0]), along(affine[1]), along(affine[2])]);
        }
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

/** Any affine: axes at right angles or not, turned or not, right-handed or left-handed. */
const entry = fc.double({ min: -2, max: 2, noNaN: true });
const affines = fc
  .tuple(
    fc.tuple(entry, entry, entry, entry),
    fc.tuple(entry, entry, entry, entry),
    fc.tuple(entry, entry, entry, entry),
  )
  .filter((affine: Affine) => voxelVolume(affine) > 0.05);

describe("surface distances", () => {
  test.each<[string, fc.Arbitrary<Affine | undefined>]>([
    ["at right angles", fc.constant(undefined)],
    ["sheared and turned in any way", affines],
  ])("equal all pairs of boundary voxels, with axes %s", async (_, anyAffine) => {
    const labels = fc.integer({ min: 1, max: 3 });
    const edges = fc.constantFrom(...volumeEdges);
    await fc.assert(
      fc.asyncProperty(labelVolumePairs(4), labels, anyAffine, edges, async ([first, second], label, affine, edge) => {
        const onAffine = (volume: Volume): Volume => (affine === undefined ? volume : { ...volume, affine });
        const [truth, prediction] = [onAffine(first), onAffine(second)];
        const beyond = truth.shape.map((length) => edge === "surface" && length > 2);
        const [ofTruth, ofPrediction] = [surfacePoints(truth, label, beyond), surfacePoints(prediction, label, beyond)];
        const expected = [bruteForce(ofTruth, ofPrediction), bruteForce(ofPrediction, ofTruth)];
        const { fromTruth, fromPrediction } = await distancesOf(truth, prediction, label, edge);
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

  test("the inside of a region is no boundary, the edge of the volume is unless it counts as a cut", async () => {
    const whole = filled([3, 3, 3], () => true);
    expect((await distancesOf(whole, whole)).fromTruth).toHaveLength(26);
    expect((await distancesOf(whole, whole, 1, "cut")).fromTruth).toHaveLength(0);
    const cube = filled([7, 7, 7], (x, y, z) => Math.max(Math.abs(x - 3), Math.abs(y - 3), Math.abs(z - 3)) <= 2);
    expect((await distancesOf(cube, cube)).fromTruth).toHaveLength(5 ** 3 - 3 ** 3);
  });

  test("a tilted gantry: a voxel of the next slice is nearer or farther than at right angles", async () => {
    const angle = (20 * Math.PI) / 180;
    const affine: Affine = [
      [0.8, 0, 0, 0],
      [0, 0.8, 2.5 * Math.sin(angle), 0],
      [0, 0, 2.5 * Math.cos(angle), 0],
    ];
    const one = (y: number, z: number): Volume => ({
      ...filled([5, 9, 5], (x, v, w) => x === 2 && v === y && w === z),
      affine,
    });
    // Up by a slice the center moves forward by 0.855 mm; one voxel back nearly makes up for it.
    expect(hausdorff95(await distancesOf(one(4, 1), one(4, 2)))).toBeCloseTo(2.5, 12);
    expect(hausdorff95(await distancesOf(one(4, 1), one(3, 2)))).toBeCloseTo(
      Math.hypot(2.5 * Math.cos(angle), 2.5 * Math.sin(angle) - 0.8),
      12,
    );
    expect(hausdorff95(await distancesOf(one(4, 1), one(5, 2)))).toBeCloseTo(
      Math.hypot(2.5 * Math.cos(angle), 2.5 * Math.sin(angle) + 0.8),
      12,
    );
  });

  describe("in stacks of one and two slices", () => {
    const disc = (slices: number, radius: number): Volume =>
      filled([41, 41, slices], (x, y) => Math.hypot(x - 20, y - 20) <= radius, [0.8, 0.8, 5]);

    test.each([1, 2])("%d: the same contours as in the plane, not every voxel", async (slices) => {
      const [truth, prediction] = [disc(slices, 15), disc(slices, 10)];
      const distances = await distancesOf(truth, prediction);
      // The contours are 5 voxels of 0.8 mm apart; the voxels of the truth's inside would be at 0.
      expect(hausdorff95(distances)).toBeGreaterThan(3.5);
      expect(hausdorff95(distances)).toBeLessThan(4.6);
      expect(normalizedSurfaceDistance(distances, 2)).toBe(0);
      expect(distances.fromTruth.length).toBe(slices * surfacePoints(disc(1, 15), 1, [true, true, false]).length);
    });

    test("whichever axis has one voxel", async () => {
      const flat = disc(1, 12);
      const sagittal = filled([1, 41, 41], (_, y, z) => Math.hypot(y - 20, z - 20) <= 12, [5, 0.8, 0.8]);
      expect((await distancesOf(sagittal, sagittal)).fromTruth.length).toBe(
        (await distancesOf(flat, flat)).fromTruth.length,
      );
      expect([flat.shape, sagittal.shape, disc(2, 3).shape].map(surfaceDimensions)).toEqual([2, 2, 3]);
    });

    test("the edge of the slice itself is a surface like any other", async () => {
      const cut = filled([9, 9, 1], (x) => x < 4);
      expect((await distancesOf(cut, cut)).fromTruth).toHaveLength(9 + 9 + 2 + 2);
      expect((await distancesOf(cut, cut, 1, "cut")).fromTruth).toHaveLength(9);
    });
  });

  describe("a region that reaches the edge of the volume", () => {
    // An organ that the scan cuts below, found 3 voxels too short above.
    const organ = (top: number): Volume =>
      filled([12, 12, 12], (x, y, z) => x > 1 && x < 10 && y > 1 && y < 10 && z < top);

    test("the cut is in both, and flatters them where it counts as surface", async () => {
      const counted = normalizedSurfaceDistance(await distancesOf(organ(8), organ(5)), 1) ?? Number.NaN;
      const left = normalizedSurfaceDistance(await distancesOf(organ(8), organ(5), 1, "cut"), 1) ?? Number.NaN;
      expect(left).toBeLessThan(counted);
      // The cut face has 36 voxels inside its rim in each map, all at 0.
      const { fromTruth } = await distancesOf(organ(8), organ(5));
      expect(fromTruth.length - (await distancesOf(organ(8), organ(5), 1, "cut")).fromTruth.length).toBe(36);
    });

    test("is known by its box, along axes whose ends count", () => {
      const box = (from: Vector3, to: Vector3) => ({ from, to });
      expect(reachesEdge(box([1, 1, 0], [3, 3, 2]), [5, 5, 5], "surface")).toBe(true);
      expect(reachesEdge(box([1, 1, 1], [3, 5, 2]), [5, 5, 5], "surface")).toBe(true);
      expect(reachesEdge(box([1, 1, 1], [3, 3, 4]), [5, 5, 5], "surface")).toBe(false);
      expect(reachesEdge(box([1, 1, 0], [3, 3, 2]), [5, 5, 2], "surface")).toBe(false);
      expect(reachesEdge(box([0, 0, 0], [5, 5, 5]), [5, 5, 5], "cut")).toBe(false);
    });

    test("has no surface where it fills the volume and the edge is a cut", async () => {
      const [all, part] = [filled([4, 4, 4], () => true), filled([4, 4, 4], (x) => x < 2)];
      expect(hausdorff95(await distancesOf(all, part, 1, "cut"))).toBeNull();
      expect(normalizedSurfaceDistance(await distancesOf(all, part, 1, "cut"), 2)).toBe(0);
      expect(normalizedSurfaceDistance(await distancesOf(all, all, 1, "cut"), 2)).toBeNull();
    });
  });

  test("two planes that are 3 slices of 2.5 mm apart", async () => {
    const plane = (at: number): Volume => filled([4, 5, 9], (_x, _y, z) => z === at, [0.8, 0.8, 2.5]);
    const distances = await distancesOf(plane(2), plane(5));
    expect(hausdorff95(distances)).toBe(7.5);
    expect(normalizedSurfaceDistance(distances, 7.5)).toBe(1);
    expect(normalizedSurfaceDistance(distances, 7.4)).toBe(0);
  });
});

describe("surface distances can be ended", () => {
  // Labels at random have as many boundary voxels as can be: this would take minutes.
  let state = 1;
  const noise = (): Volume =>
    labelVolume([160, 160, 80], [1, 1, 1], () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 31;
    });
  const [truth, prediction] = [noise(), noise()];
  const sheared: Affine = [
    [1, 0.3, 0, 0],
    [0, 1, 0.2, 0],
    [0, 0, 1, 0],
  ];

  test.each([
    ["at right angles", truth.affine],
    ["sheared", sheared],
  ] as const)("by a signal that comes meanwhile, in a fraction of a second, with axes %s", async (_, affine) => {
    const controller = new AbortController();
    const box = { from: [0, 0, 0], to: truth.shape } as const;
    const pauses = new Pauses(controller.signal);
    const volumes = [
      { ...truth, affine },
      { ...prediction, affine },
    ] as const;
    let stopped = Number.NaN;
    setTimeout(() => {
      stopped = performance.now();
      controller.abort(new Error("stopped"));
    }, 0);
    await expect(surfaceDistances(...volumes, 1, box, "surface", pauses)).rejects.toThrow("stopped");
    expect(performance.now() - stopped).toBeLessThan(1000);
  });
});

describe("hausdorff95", () => {
  const at = (fromTruth: number[], fromPrediction: number[]): SurfaceDistances => ({
    fromTruth: Float64Array.from(fromTruth),
    fromPrediction: Float64Array.from(fromPrediction),
  });

  test("is the larger of two percentiles, between neighbors in rank", () => {
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

  test("is symmetric, 0 for the same map, and grows with the voxels", async () => {
    await fc.assert(
      fc.asyncProperty(labelVolumePairs(2), fc.constantFrom(0.5, 2, 4), async ([a, b], factor) => {
        expect(hausdorff95(await distancesOf(a, b))).toBe(hausdorff95(await distancesOf(b, a)));
        expect(hausdorff95(await distancesOf(a, a))).toBe(surfacePoints(a, 1).length > 0 ? 0 : null);
        const scaled = (volume: Volume): Volume => {
          const row = ([x, y, z, origin]: Affine[number]) => [x * factor, y * factor, z * factor, origin] as const;
          const [first, second, third] = volume.affine;
          return { ...volume, affine: [row(first), row(second), row(third)] };
        };
        const distance = hausdorff95(await distancesOf(a, b));
        // A power of two changes no digit.
        expect(hausdorff95(await distancesOf(scaled(a), scaled(b)))).toBe(distance === null ? null : distance * factor);
      }),
    );
  });

  test("a region moved by 4 mm is at most 4 mm away", async () => {
    const ball = (center: number): Volume =>
      filled([24, 16, 10], (x, y, z) => Math.hypot(x - center, y - 8, 2 * (z - 5)) <= 6, [1, 1, 2]);
    const distance = hausdorff95(await distancesOf(ball(8), ball(12))) ?? Number.NaN;
    expect(distance).toBeGreaterThan(3);
    expect(distance).toBeLessThanOrEqual(4);
  });
});

describe("normalizedSurfaceDistance", () => {
  test("worked by hand: a voxel of three lies 2 mm from the truth's one", async () => {
    const truth = labelVolume([5, 1, 1], [1, 1, 1], [0, 1, 0, 0, 0]);
    const prediction = labelVolume([5, 1, 1], [1, 1, 1], [1, 1, 0, 1, 0]);
    const distances = await distancesOf(truth, prediction);
    expect(distances).toEqual({ fromTruth: Float64Array.of(0), fromPrediction: Float64Array.of(0, 1, 2) });
    expect([0, 1, 2].map((tolerance) => normalizedSurfaceDistance(distances, tolerance))).toEqual([0.5, 0.75, 1]);
  });

  test("a distance that equals the tolerance but for rounding is within it", async () => {
    const row = (at: number): Volume => filled([8, 1, 1], (x) => x === at, [0.7, 1, 1]);
    expect(normalizedSurfaceDistance(await distancesOf(row(0), row(3)), 2.1)).toBe(1);
    expect(normalizedSurfaceDistance(await distancesOf(row(0), row(3)), 2.0999)).toBe(0);
  });

  test("1 for the same map, 0 where only one has the label, null where neither has", async () => {
    const some = filled([3, 3, 3], (x) => x === 1);
    const none = filled([3, 3, 3], () => false);
    expect(normalizedSurfaceDistance(await distancesOf(some, some), 0)).toBe(1);
    expect(normalizedSurfaceDistance(await distancesOf(some, none), 100)).toBe(0);
    expect(normalizedSurfaceDistance(await distancesOf(none, some), 100)).toBe(0);
    expect(normalizedSurfaceDistance(await distancesOf(none, none), 100)).toBeNull();
  });

  test("symmetric, never falls with the tolerance, and falls by a false voxel far away", async () => {
    await fc.assert(
      fc.asyncProperty(labelVolumePairs(2), fc.double({ min: 0, max: 9, noNaN: true }), async ([a, b], tolerance) => {
        const score = normalizedSurfaceDistance(await distancesOf(a, b), tolerance);
        expect(normalizedSurfaceDistance(await distancesOf(b, a), tolerance)).toBe(score);
        const looser = normalizedSurfaceDistance(await distancesOf(a, b), tolerance + 1);
        if (score === null) expect(looser).toBeNull();
        else expect(looser).toBeGreaterThanOrEqual(score);
      }),
    );
    const truth = filled([30, 5, 5], (x) => x < 3);
    const far = filled([30, 5, 5], (x, y, z) => x < 3 || (x === 29 && y === 0 && z === 0));
    const n = (await distancesOf(truth, truth)).fromTruth.length;
    expect(normalizedSurfaceDistance(await distancesOf(truth, far), 2)).toBe((2 * n) / (2 * n + 1));
  });
});

describe("boxesOfLabels", () => {
  test("hold a label in all maps, and nothing more", async () => {
    const shape: Vector3 = [6, 5, 4];
    const a = labelVolume(shape, [1, 1, 1], (x, y, z) => (x === 2 && y === 3 && z === 1 ? 1 : 0));
    const b = labelVolume(shape, [1, 1, 1], (x, y, z) => (x === 4 && y === 0 ? 1 : z === 3 ? 3 : 0));
    expect(await boxesOfLabels([a, b], 4)).toEqual([
      null,
      { from: [2, 0, 0], to: [5, 4, 4] },
      null,
      { from: [0, 0, 3], to: [6, 5, 4] },
    ]);
  });
});
