import type { Vector3, Volume } from "@lobule/data";
import fc from "fast-check";

/** A label map for tests, with its axes along the patient's. */
export function labelVolume(
  shape: Vector3,
  spacing: Vector3,
  labels: ArrayLike<number> | ((x: number, y: number, z: number) => number),
): Volume<Uint8Array> {
  const [nx, ny, nz] = shape;
  const data = new Uint8Array(nx * ny * nz);
  for (let i = 0; i < data.length; i++)
    data[i] =
      typeof labels === "function"
        ? labels(i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny)))
        : (labels[i] ?? Number.NaN);
  const affine = [
    [spacing[0], 0, 0, -10],
    [0, spacing[1], 0, 20],
    [0, 0, spacing[2], 30],
  ] as const;
  return { shape, spacing, affine, data };
}

const spacing = fc.constantFrom<Vector3>([1, 1, 1], [0.7, 0.7, 5], [3, 0.5, 1.25]);
const shape = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }));

/** Two label maps on one grid, sparse or dense, with labels from 0 to classes − 1. */
export const labelVolumePairs = (classes: number): fc.Arbitrary<[Volume<Uint8Array>, Volume<Uint8Array>]> =>
  fc.tuple(shape, spacing).chain(([size, mm]) => {
    const length = size[0] * size[1] * size[2];
    const label = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 3, arbitrary: fc.nat(classes - 1) });
    const labels = fc.oneof(
      fc.array(label, { minLength: length, maxLength: length }),
      fc.array(fc.nat(classes - 1), { minLength: length, maxLength: length }),
      fc.nat(length - 1).map((at) => Array.from({ length }, (_, i) => (i === at ? 1 : 0))),
      fc.constant(Array<number>(length).fill(0)),
    );
    return fc.tuple(labels, labels).map(([a, b]) => [labelVolume(size, mm, a), labelVolume(size, mm, b)]);
  });
