import fc from "fast-check";
import { expect, test } from "vitest";
import { indexOf, planeNames, type Voxel } from "../viewer/plane.js";
import { brushAt, lineBetween, regionAt } from "./shapes.js";

const shape = [9, 9, 5] as const;
const anyVoxel = fc.tuple(fc.nat(8), fc.nat(8), fc.nat(4));
const rising = (indices: Iterable<number>): number[] => [...indices].sort((a, b) => a - b);

test("a brush is as wide in the patient along each axis of its plane, and one slice thick", () => {
  const painted = brushAt([4, 4, 2], { plane: "axial", radius: 2, solid: false }, shape, [1, 2, 1]);
  // 5 voxels of 1 mm across, and one of 2 mm to either side.
  const expected: readonly Voxel[] = [
    [4, 3, 2],
    [2, 4, 2],
    [3, 4, 2],
    [4, 4, 2],
    [5, 4, 2],
    [6, 4, 2],
    [4, 5, 2],
  ];
  expect(rising(painted)).toEqual(expected.map((voxel) => indexOf(voxel, shape)));
});

test("a solid brush reaches into the slices beside", () => {
  const painted = new Set(brushAt([4, 4, 2], { plane: "axial", radius: 1, solid: true }, shape, [1, 1, 1]));
  expect(painted.size).toBe(7);
  expect(painted.has(indexOf([4, 4, 3], shape))).toBe(true);
});

test("a brush paints each voxel once, inside the volume, that in its middle among them", () => {
  const anyBrush = fc.record({
    plane: fc.constantFrom(...planeNames),
    solid: fc.boolean(),
    radius: fc.integer({ min: 0, max: 6 }),
  });
  fc.assert(
    fc.property(anyVoxel, anyBrush, (center, brush) => {
      const painted = [...brushAt(center, brush, shape, [0.7, 1, 3])];
      expect(new Set(painted).size).toBe(painted.length);
      expect(painted).toContain(indexOf(center, shape));
      expect(painted.every((index) => index >= 0 && index < 9 * 9 * 5)).toBe(true);
    }),
  );
});

test("a line leaves no gap and ends where it is to", () => {
  fc.assert(
    fc.property(anyVoxel, anyVoxel, (from, to) => {
      const line: readonly Voxel[] = [from, ...lineBetween(from, to)];
      expect(line.at(-1)).toEqual(to);
      line.slice(1).forEach((voxel, i) => {
        for (const axis of [0, 1, 2] as const)
          expect(Math.abs(voxel[axis] - (line[i]?.[axis] ?? Number.NaN))).toBeLessThanOrEqual(1);
      });
    }),
  );
});

test("a region ends at other labels and at the plane, and goes around no corner", () => {
  const flat = [3, 3, 2] as const;
  // A ring of 1, open at a corner, around a hole in the first slice; the second slice is empty.
  const labels = Uint8Array.of(1, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  expect(regionAt([1, 1, 0], "axial", labels, flat)).toEqual([4]);
  expect(rising(regionAt([0, 0, 0], "axial", labels, flat))).toEqual([0, 1, 2, 3, 5, 6, 7]);
  expect(regionAt([0, 0, 1], "axial", labels, flat)).toHaveLength(9);
});
