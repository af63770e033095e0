import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Affine, Vector3 } from "../volume.js";
import { axisAngles, describeAngles, inVoxels, positionOf, voxelVolume } from "./affine.js";

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** A CT whose gantry was tilted: slices are parallel to the patient's table end, but shifted along it. */
const tilted = (degrees: number, [x, y, z]: Vector3 = [0.8, 0.8, 2.5]): Affine => [
  [x, 0, 0, -12],
  [0, y, z * Math.sin(radians(degrees)), -15],
  [0, 0, z * Math.cos(radians(degrees)), 40],
];

/** A patient who lies turned about the body's axis; voxels keep their right angles. */
const turned = (degrees: number): Affine => [
  [Math.cos(radians(degrees)), -2 * Math.sin(radians(degrees)), 0, 0],
  [Math.sin(radians(degrees)), 2 * Math.cos(radians(degrees)), 0, 0],
  [0, 0, 3, 0],
];

const number = fc.double({ min: -5, max: 5, noNaN: true });
const row = fc.tuple(number, number, number, number);
const affines = fc.tuple(row, row, row).filter((affine) => voxelVolume(affine) > 0.1);

describe("voxelVolume", () => {
  it("is the product of the spacing at right angles, however the axes are turned", () => {
    expect(voxelVolume(tilted(0))).toBeCloseTo(1.6, 12);
    expect(voxelVolume(turned(31))).toBeCloseTo(6, 12);
  });

  it("at a tilt of 20° is less by the cosine", () => {
    expect(voxelVolume(tilted(20))).toBeCloseTo(1.6 * Math.cos(radians(20)), 12);
  });

  it("does not depend on the order and direction of the axes", () => {
    fc.assert(
      fc.property(affines, ([[a, b, c, d], [e, f, g, h], [i, j, k, l]]) => {
        const mixed: Affine = [
          [c, -a, b, d],
          [g, -e, f, h],
          [k, -i, j, l],
        ];
        expect(voxelVolume(mixed)).toBeCloseTo(
          voxelVolume([
            [a, b, c, d],
            [e, f, g, h],
            [i, j, k, l],
          ]),
          9,
        );
      }),
    );
  });
});

it("inVoxels takes back what positionOf does", () => {
  fc.assert(
    fc.property(affines, fc.tuple(number, number, number), (affine, voxel) => {
      const [x, y, z] = positionOf(affine, voxel);
      const origin = positionOf(affine, [0, 0, 0]);
      const back = inVoxels(affine, [x - origin[0], y - origin[1], z - origin[2]]);
      for (const axis of [0, 1, 2] as const) expect(back[axis]).toBeCloseTo(voxel[axis], 6);
    }),
  );
});

describe("angles of the axes", () => {
  it("tell a tilted gantry, which shears, from a turned patient", () => {
    expect(axisAngles(tilted(20))).toEqual({ oblique: expect.closeTo(20, 9), shear: expect.closeTo(20, 9) });
    expect(axisAngles(turned(31))).toEqual({ oblique: expect.closeTo(31, 9), shear: expect.closeTo(0, 9) });
  });

  it("in words: nothing where there is nothing to say", () => {
    expect(describeAngles(tilted(0))).toBe("");
    expect(describeAngles(tilted(0.001))).toBe("");
    expect(describeAngles(turned(-90))).toBe("");
    expect(describeAngles(turned(10))).toBe("oblique by 10.0°");
    expect(describeAngles(tilted(-15.5))).toBe("oblique by 15.5°, sheared by 15.5° (its axes are not at right angles)");
  });
});
