import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  augmentTransform,
  composed,
  fitTransform,
  inverted,
  type PlaneTransform,
  resizeTransform,
} from "./slice-transforms.js";

const at = ([a, b, c, d, e, f]: PlaneTransform, x: number, y: number): number[] => [
  a * x + b * y + c,
  d * x + e * y + f,
];
const expectAt = (transform: PlaneTransform, [x, y]: readonly [number, number], expected: readonly number[]): void => {
  at(transform, x, y).forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i] as number, 9);
  });
};

test("resize: the corners meet the corners", () => {
  const transform = resizeTransform(512, 256, 128, 64);
  expectAt(transform, [0, 0], [0, 0]);
  expectAt(transform, [128, 64], [512, 256]);
});

test("fit: a smaller source is in the middle, on whole pixels", () => {
  expectAt(fitTransform(5, 8, 16, 16), [0, 0], [-6, -4]);
  expectAt(fitTransform(20, 16, 16, 16), [0, 0], [2, 0]);
});

describe("augmentation, about the middle of 8×6", () => {
  const identity = [1, 0, 0, 0, 1, 0] as const;
  const still = { width: 8, height: 6, flipX: false, flipY: false, radians: 0, zoom: 1 };

  test("nothing asked for changes nothing, exactly", () => {
    expect(augmentTransform(identity, still)).toEqual([1, 0, 0, 0, 1, 0]);
  });

  test("mirrored, the left edge shows the right one", () => {
    expectAt(augmentTransform(identity, { ...still, flipX: true }), [0, 1], [8, 1]);
    expectAt(augmentTransform(identity, { ...still, flipY: true }), [0, 1], [0, 5]);
  });

  test("enlarged twice, the edge shows what was halfway to the middle", () => {
    expectAt(augmentTransform(identity, { ...still, zoom: 2 }), [8, 3], [6, 3]);
  });

  test("turned a quarter from x to y, the lower middle shows what was on the right", () => {
    expectAt(augmentTransform(identity, { ...still, radians: Math.PI / 2 }), [4, 5], [6, 3]);
  });
});

test("a transform and its inverse come back to the same place", () => {
  const number = fc.double({ min: -3, max: 3, noNaN: true });
  const scale = fc.double({ min: 0.4, max: 3, noNaN: true });
  // Scaled, sheared, turned and moved: every one of them has an inverse.
  const invertible = fc
    .record({ scaleX: scale, scaleY: scale, shear: number, radians: number, moveX: number, moveY: number })
    .map(({ scaleX, scaleY, shear, radians, moveX, moveY }): PlaneTransform => {
      const [cos, sin] = [Math.cos(radians), Math.sin(radians)];
      return [cos * scaleX, cos * shear - sin * scaleY, moveX, sin * scaleX, sin * shear + cos * scaleY, moveY];
    });
  fc.assert(
    fc.property(invertible, number, number, (transform, x, y) => {
      expectAt(composed(inverted(transform), transform), [x, y], [x, y]);
    }),
  );
  expect(() => inverted([1, 2, 0, 2, 4, 0])).toThrow(/has no inverse/);
});
