import type { Vector3 } from "@lobule/data";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { squaredDistances } from "./distance-transform.js";

/** Every voxel against every site. */
function bruteForce(sites: Uint8Array, [nx, ny, nz]: Vector3, [sx, sy, sz]: Vector3): number[] {
  const nearest: number[] = [];
  for (let z = 0; z < nz; z++)
    for (let y = 0; y < ny; y++)
      for (let x = 0; x < nx; x++) {
        let least = Number.POSITIVE_INFINITY;
        for (let w = 0; w < nz; w++)
          for (let v = 0; v < ny; v++)
            for (let u = 0; u < nx; u++)
              if (sites[u + nx * (v + ny * w)])
                least = Math.min(least, (sx * (x - u)) ** 2 + (sy * (y - v)) ** 2 + (sz * (z - w)) ** 2);
        nearest.push(least);
      }
  return nearest;
}

async function expectBruteForce(sites: Uint8Array, shape: Vector3, spacing: Vector3): Promise<void> {
  const squared = await squaredDistances(sites, shape, spacing);
  bruteForce(sites, shape, spacing).forEach((expected, i) => {
    if (expected === Number.POSITIVE_INFINITY) expect(squared[i]).toBe(expected);
    else expect(Math.abs((squared[i] ?? Number.NaN) - expected)).toBeLessThanOrEqual(1e-6 * expected);
  });
}

describe("squaredDistances", async () => {
  test("worked by hand: one site in a plane of 2 mm × 3 mm pixels", async () => {
    const squared = await squaredDistances(Uint8Array.of(0, 1, 0, 0, 0, 0), [3, 2, 1], [2, 3, 7]);
    expect([...squared]).toEqual([4, 0, 4, 13, 9, 13]);
  });

  test("without a site every distance is infinite", async () => {
    expect([...(await squaredDistances(new Uint8Array(8), [2, 2, 2], [1, 1, 1]))]).toEqual(Array(8).fill(Infinity));
  });

  const extent = fc.integer({ min: 1, max: 7 });
  const size = fc.constantFrom(0.3, 1, 2.5, 5);

  test("equals every voxel against every site", async () => {
    const problem = fc.tuple(extent, extent, extent, fc.constantFrom(0.01, 0.1, 0.5)).chain(([nx, ny, nz, density]) =>
      fc.record({
        shape: fc.constant<Vector3>([nx, ny, nz]),
        spacing: fc.tuple(size, size, size),
        sites: fc
          .array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: nx * ny * nz, maxLength: nx * ny * nz })
          .map((values) => Uint8Array.from(values, (value) => (value < density ? 1 : 0))),
      }),
    );
    await fc.assert(fc.asyncProperty(problem, ({ sites, shape, spacing }) => expectBruteForce(sites, shape, spacing)));
  });

  test("holds where lines are transformed in several groups", async () => {
    const shape: Vector3 = [37, 5, 4];
    const sites = Uint8Array.from({ length: 37 * 5 * 4 }, (_, i) => (i % 97 === 13 ? 1 : 0));
    await expectBruteForce(sites, shape, [0.7, 0.9, 5]);
  });
});
