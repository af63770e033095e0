import fc from "fast-check";
import { expect, test } from "vitest";
import {
  aspectOf,
  extentOf,
  indexOf,
  layoutOf,
  moved,
  movedWithin,
  pixelOf,
  planeNames,
  type Voxel,
  voxelAt,
} from "./plane.js";

const shape = [5, 4, 3] as const;
const anyVoxel = fc.tuple(fc.nat(4), fc.nat(3), fc.nat(2));

test("the voxel under the pixel of a voxel is that voxel, in every plane", () => {
  fc.assert(
    fc.property(fc.constantFrom(...planeNames), anyVoxel, (plane, voxel) => {
      expect(voxelAt(plane, pixelOf(plane, voxel, shape), shape, voxel)).toEqual(voxel);
    }),
  );
});

test("the layout of a plane leads to the voxels under its pixels", () => {
  fc.assert(
    fc.property(fc.constantFrom(...planeNames), anyVoxel, (plane, cursor) => {
      const { first, column, row } = layoutOf(plane, shape, cursor);
      const [columns, rows] = extentOf(plane, shape);
      for (let y = 0; y < rows; y++)
        for (let x = 0; x < columns; x++)
          expect(first + x * column + y * row).toBe(indexOf(voxelAt(plane, [x, y], shape, cursor) as Voxel, shape));
    }),
  );
});

test("the patient's right is on the left, the front and the head are above", () => {
  // The last voxel to the right, at the front, at the top.
  expect(pixelOf("axial", [4, 3, 2], shape)).toEqual([0, 0]);
  expect(pixelOf("coronal", [4, 3, 2], shape)).toEqual([0, 0]);
  expect(pixelOf("sagittal", [4, 3, 2], shape)).toEqual([0, 0]);
});

test("a pixel outside the plane has no voxel", () => {
  expect(voxelAt("axial", [5, 0], shape, [0, 0, 0])).toBeUndefined();
  expect(voxelAt("axial", [0, -1], shape, [0, 0, 0])).toBeUndefined();
});

test("a plane stops at the ends of the volume", () => {
  expect(moved("axial", [1, 1, 1], 7, shape)).toEqual([1, 1, 2]);
  expect(moved("sagittal", [1, 1, 1], -7, shape)).toEqual([0, 1, 1]);
});

test("the cursor moves within a plane as it is seen, up to its edges", () => {
  expect(movedWithin("axial", [1, 1, 1], [1, -1], shape)).toEqual([0, 2, 1]);
  expect(movedWithin("axial", [1, 1, 1], [9, 9], shape)).toEqual([0, 0, 1]);
  expect(movedWithin("coronal", [1, 1, 1], [-1, -9], shape)).toEqual([2, 1, 2]);
});

test("a plane is as wide and high as in the patient", () => {
  expect(aspectOf("coronal", [100, 90, 20], [1, 1, 5])).toBe(1);
});
