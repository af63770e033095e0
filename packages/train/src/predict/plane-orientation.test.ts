import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromCanonicalPlane, planeOrientation, toCanonicalPlane } from "./plane-orientation.js";

describe("the orientation of axial slices", () => {
  test.each([
    ["RAS", { swapped: false, flipX: false, flipY: false }],
    ["LPS", { swapped: false, flipX: true, flipY: true }],
    ["LAI", { swapped: false, flipX: true, flipY: false }],
    ["PRS", { swapped: true, flipX: false, flipY: true }],
  ])("%s", (orientation, expected) => {
    expect(planeOrientation(orientation)).toEqual(expected);
  });

  test("slices along another axis are not axial", () => {
    expect(planeOrientation("PSR")).toBeUndefined();
    expect(planeOrientation("SAR")).toBeUndefined();
  });
});

test("worked by hand: a 2×3 slice stored to the left and to the back", () => {
  // stored x grows to the left, y to the back; canonical x to the right, y to the front
  const canonical = (swapped: boolean, flipX: boolean, flipY: boolean): number[] => [
    ...toCanonicalPlane(Int16Array.of(1, 2, 3, 4, 5, 6), [2, 3], { swapped, flipX, flipY }),
  ];
  expect(canonical(false, true, true)).toEqual([6, 5, 4, 3, 2, 1]);
  expect(canonical(false, true, false)).toEqual([2, 1, 4, 3, 6, 5]);
  expect(canonical(false, false, true)).toEqual([5, 6, 3, 4, 1, 2]);
  // stored x is the front axis: columns are the canonical rows
  expect(canonical(true, false, false)).toEqual([1, 3, 5, 2, 4, 6]);
  expect(canonical(true, true, false)).toEqual([5, 3, 1, 6, 4, 2]);
  expect(canonical(true, false, true)).toEqual([2, 4, 6, 1, 3, 5]);
});

test("there and back is where one was, of the same type, and without a new array unless axes are swapped", () => {
  const extent = fc.integer({ min: 1, max: 7 });
  const plane = fc.record({ swapped: fc.boolean(), flipX: fc.boolean(), flipY: fc.boolean() });
  fc.assert(
    fc.property(extent, extent, plane, (width, height, orientation) => {
      const stored = Int16Array.from({ length: width * height }, (_, i) => i);
      const size = [width, height] as const;
      const canonical = toCanonicalPlane(stored, size, orientation);
      expect(canonical === stored).toBe(!orientation.swapped);
      const back = fromCanonicalPlane(canonical, size, orientation);
      expect(back).toEqual(Int16Array.from({ length: width * height }, (_, i) => i));
    }),
  );
});
