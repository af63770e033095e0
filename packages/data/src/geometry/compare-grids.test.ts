import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DataError } from "../data-error.js";
import { reordered, toCanonical } from "../orientation.js";
import type { Affine, Grid, Volume } from "../volume.js";
import { positionOf } from "./affine.js";
import { gridDifference, gridEpsilon, onGridOf } from "./compare-grids.js";

const names = ["the image", "the label map"] as const;
const spacing = [1, 1, 4] as const;
const gridWith = (change: Partial<Grid> = {}): Grid => ({
  shape: [3, 4, 2],
  spacing,
  affine: [
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 4, 0],
  ],
  ...change,
});
const moved = (x: number): Grid => {
  const grid = gridWith();
  return gridWith({ affine: [[1, 0, 0, x], grid.affine[1], grid.affine[2]] });
};

describe("gridDifference", () => {
  it("has an epsilon: a tenth of the smallest spacing, in mm", () => {
    expect(gridEpsilon(gridWith(), gridWith())).toBe(0.1);
    expect(gridDifference(gridWith(), moved(0.09), names)).toBeUndefined();
    expect(gridDifference(gridWith(), moved(-0.11), names)).toBe(
      "the image and the label map place the same voxel up to 0.110 mm apart by their affines",
    );
  });

  it("sees a small angle at the far end of a large volume", () => {
    const angle = 0.001;
    const turned: Affine = [
      [Math.cos(angle), -Math.sin(angle), 0, 0],
      [Math.sin(angle), Math.cos(angle), 0, 0],
      [0, 0, 4, 0],
    ];
    const small = { shape: [20, 20, 2] } as const;
    const large = { shape: [400, 400, 2] } as const;
    expect(gridDifference(gridWith(small), gridWith({ ...small, affine: turned }), names)).toBeUndefined();
    expect(gridDifference(gridWith(large), gridWith({ ...large, affine: turned }), names)).toContain("0.565 mm apart");
  });

  it("names other shapes and spacings as they are", () => {
    expect(gridDifference(gridWith(), gridWith({ shape: [3, 4, 5] }), names)).toBe(
      "the image has 3×4×2 voxels, but the label map has 3×4×5",
    );
    const thick = (z: number): Grid =>
      gridWith({ spacing: [1, 1, z], affine: [gridWith().affine[0], gridWith().affine[1], [0, 0, z, 0]] });
    expect(gridDifference(gridWith(), thick(5), names)).toBe(
      "the image has a spacing of 1×1×4 mm, but the label map one of 1×1×5 mm",
    );
    expect(gridDifference(gridWith(), thick(4.001), names)).toBeUndefined();
  });

  it("sees the thickness of a single slice", () => {
    const slice = (z: number): Grid => ({
      shape: [3, 4, 1],
      spacing: [1, 1, z],
      affine: [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, z, 0],
      ],
    });
    expect(gridDifference(slice(4), slice(5), names)).toContain("a spacing of 1×1×4 mm");
    expect(gridDifference(slice(4), slice(4), names)).toBeUndefined();
  });

  it("an axis that runs the other way from the same corner is another place", () => {
    const [first, ...rest] = gridWith().affine;
    const mirrored = gridWith({ affine: [[-1, 0, 0, first[3]], ...rest] });
    expect(gridDifference(gridWith(), mirrored, names)).toContain("2.00 mm apart");
  });

  it("an affine that is no number never counts as equal", () => {
    expect(gridDifference(gridWith(), moved(Number.NaN), names)).toBeDefined();
  });
});

/** Grids of any obliqueness and shear with room between their axes, and one of the 48 orders that they are stored in. */
const extent = fc.integer({ min: 1, max: 5 });
const turn = fc.double({ min: -3, max: 3, noNaN: true });
const lean = fc.double({ min: -0.4, max: 0.4, noNaN: true });
const volumes = fc
  .record({ shape: fc.tuple(extent, extent, extent), angles: fc.tuple(turn, turn), lean, seed: fc.nat(1000) })
  .map(({ shape, angles: [a, b], lean: sheared, seed }): Volume<Uint8Array> => {
    const [ca, sa, cb, sb] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)];
    const rotation = [
      [ca, -sa * cb, sa * sb],
      [sa, ca * cb, -ca * sb],
      [0, sb, cb],
    ] as const;
    const row = (r: 0 | 1 | 2): Affine[number] => {
      const [x, y, z] = rotation[r];
      return [0.8 * x, 1.1 * y, 2.5 * (z + sheared * y), 10 * r + seed / 100];
    };
    const affine: Affine = [row(0), row(1), row(2)];
    const data = Uint8Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, i) => (i * 37 + seed) % 251);
    return { shape, spacing: [0.8, 1.1, 2.5 * Math.hypot(1, sheared)], affine, data };
  });
const orders = fc
  .record({
    axes: fc.constantFrom([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]),
    signs: fc.tuple(fc.constantFrom(1, -1), fc.constantFrom(1, -1), fc.constantFrom(1, -1)),
  })
  .map(({ axes, signs }) => {
    const axis = (i: 0 | 1 | 2) => ({ stored: axes[i] as 0 | 1 | 2, sign: signs[i] as 1 | -1 });
    return [axis(0), axis(1), axis(2)] as const;
  });

describe("onGridOf", () => {
  it("gives the voxels in the order of the grid, whatever order they are stored in", () => {
    fc.assert(
      fc.property(volumes, orders, (volume, order) => {
        const other = reordered(volume, order);
        expect(gridDifference(volume, other, names)).toBeUndefined();
        expect(onGridOf(other, volume, names)).toEqual(volume);
      }),
    );
  });

  it("keeps image and label map together where rounding puts their axes in different canonical orders", () => {
    const at = (degrees: number): Grid => {
      const angle = (degrees * Math.PI) / 180;
      return gridWith({
        affine: [
          [Math.cos(angle), -Math.sin(angle), 0, 0],
          [Math.sin(angle), Math.cos(angle), 0, 0],
          [0, 0, 4, 0],
        ],
      });
    };
    const data = Uint8Array.from({ length: 24 }, (_, i) => i);
    const [image, label] = [
      { ...at(44.999), data },
      { ...at(45.001), data },
    ];
    expect(toCanonical(image).shape).not.toEqual(toCanonical(label).shape);
    expect(onGridOf(label, toCanonical(image), names)).toEqual(toCanonical(image));
  });

  it("refuses another grid in one sentence", () => {
    const volume = { ...moved(3), data: new Uint8Array(24) };
    expect(() => onGridOf(volume, gridWith(), ["a.nii", "its image b.nii"])).toThrow(DataError);
    expect(() => onGridOf(volume, gridWith(), ["a.nii", "its image b.nii"])).toThrow(
      "a.nii and its image b.nii place the same voxel up to 3.00 mm apart by their affines; both must be on the same grid",
    );
  });

  it("no voxel moves in the patient", () => {
    fc.assert(
      fc.property(volumes, orders, (volume, order) => {
        const places = ({ shape, affine, data }: Volume): string[] =>
          Array.from(data, (value, i) => {
            const voxel = [i % shape[0], Math.floor(i / shape[0]) % shape[1], Math.floor(i / shape[0] / shape[1])];
            const [x = 0, y = 0, z = 0] = voxel;
            return [value, ...positionOf(affine, [x, y, z]).map((mm) => (mm + 1e-9).toFixed(3))].join();
          }).sort();
        expect(places(reordered(volume, order))).toEqual(places(volume));
      }),
      { numRuns: 30 },
    );
  });
});
