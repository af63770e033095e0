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
  const stored = [1, 2, 3, 4, 5, 6];
  const plane = { swapped: false, flipX: true, flipY: true };
  expect([...toCanonicalPlane(stored, [2, 3], plane, new Int16Array(6))]).toEqual([6, 5, 4, 3, 2, 1]);
  // stored x is the front axis: columns are the canonical rows
  const swapped = { swapped: true, flipX: false, flipY: false };
  expect([...toCanonicalPlane(stored, [2, 3], swapped, new Int16Array(6))]).toEqual([1, 3, 5, 2, 4, 6]);
});

test("there and back is where one was", () => {
  const extent = fc.integer({ min: 1, max: 7 });
  const plane = fc.record({ swapped: fc.boolean(), flipX: fc.boolean(), flipY: fc.boolean() });
  fc.assert(
    fc.property(extent, extent, plane, (width, height, orientation) => {
      const stored = Float32Array.from({ length: width * height }, (_, i) => i);
      const size = [width, height] as const;
      const canonical = toCanonicalPlane(stored, size, orientation, new Float32Array(stored.length));
      expect(fromCanonicalPlane(canonical, size, orientation, new Float32Array(stored.length))).toEqual(stored);
    }),
  );
});
