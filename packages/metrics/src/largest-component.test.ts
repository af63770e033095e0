import type { Vector3 } from "@lobule/data";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { largestComponent } from "./largest-component.js";

const connectivities = [6, 18, 26] as const;

/** Flood fill from every voxel in turn, with the definition of neighbors by how many coordinates differ. */
function byFloodFill(labels: Uint8Array, [nx, ny, nz]: Vector3, connectivity: 6 | 18 | 26, asOne: boolean): Uint8Array {
  const differing = { 6: 1, 18: 2, 26: 3 }[connectivity];
  const objects = asOne ? labels.map((label) => Math.min(label, 1)) : labels;
  const seen = new Set<number>();
  const largest = new Map<number, Set<number>>();
  for (let start = 0; start < labels.length; start++) {
    if (labels[start] === 0 || seen.has(start)) continue;
    const component = new Set([start]);
    for (const i of component) {
      const [x, y, z] = [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))];
      for (const dz of [-1, 0, 1])
        for (const dy of [-1, 0, 1])
          for (const dx of [-1, 0, 1]) {
            const [u, v, w] = [x + dx, y + dy, z + dz];
            if (u < 0 || u >= nx || v < 0 || v >= ny || w < 0 || w >= nz) continue;
            const j = u + nx * (v + ny * w);
            if (Math.abs(dx) + Math.abs(dy) + Math.abs(dz) <= differing && objects[j] === objects[start])
              component.add(j);
          }
    }
    for (const i of component) seen.add(i);
    const object = objects[start] ?? 0;
    if (component.size > (largest.get(object)?.size ?? 0)) largest.set(object, component);
  }
  return labels.map((label, i) => (largest.get(objects[i] ?? 0)?.has(i) ? label : 0));
}

describe("largestComponent", () => {
  test("worked by hand: the two voxels at the left go, the three at the right stay", async () => {
    const labels = Uint8Array.of(1, 1, 0, 1, 1, 0, 0, 0, 0, 1);
    const kept = await largestComponent(labels, [5, 2, 1], { connectivity: 6 });
    expect([...kept]).toEqual([0, 0, 0, 1, 1, 0, 0, 0, 0, 1]);
    expect(labels[0]).toBe(1);
  });

  test.each([
    ["an edge", [2, 2, 1], [1, 0, 0, 1], 6],
    ["a corner", [2, 2, 2], [1, 0, 0, 0, 0, 0, 0, 1], 18],
  ] as const)("voxels that share only %s", async (_, shape, labels, apart) => {
    for (const connectivity of connectivities) {
      const kept = await largestComponent(Uint8Array.from(labels), shape, { connectivity });
      expect(kept.filter((label) => label === 1)).toHaveLength(connectivity <= apart ? 1 : 2);
    }
  });

  test("of components of one size the first in memory stays", async () => {
    expect([...(await largestComponent(Uint8Array.of(0, 2, 0, 2), [4, 1, 1]))]).toEqual([0, 2, 0, 0]);
    // The later one begins further left.
    expect([...(await largestComponent(Uint8Array.of(0, 0, 1, 1, 0, 0), [3, 2, 1], { connectivity: 6 }))]).toEqual([
      0, 0, 1, 0, 0, 0,
    ]);
  });

  test("other classes stay as they are", async () => {
    const labels = Uint8Array.of(1, 0, 1, 1, 0, 2, 0, 2, 2);
    expect([...(await largestComponent(labels, [9, 1, 1], { classes: [1] }))]).toEqual([0, 0, 1, 1, 0, 2, 0, 2, 2]);
  });

  test("an organ and its tumor are one object if asked", async () => {
    // The tumor inside is smaller than the false one outside.
    const labels = Uint8Array.of(1, 1, 2, 1, 0, 2, 2);
    expect([...(await largestComponent(labels, [7, 1, 1], { asOne: true }))]).toEqual([1, 1, 2, 1, 0, 0, 0]);
    expect([...(await largestComponent(labels, [7, 1, 1]))]).toEqual([1, 1, 0, 0, 0, 2, 2]);
  });

  const volumes = fc
    .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 4 }))
    .chain((shape) => {
      const length = shape[0] * shape[1] * shape[2];
      const labels = fc.array(fc.constantFrom(0, 0, 0, 1, 2), { minLength: length, maxLength: length });
      return fc.record({
        shape: fc.constant(shape),
        labels: labels.map((values) => Uint8Array.from(values)),
        connectivity: fc.constantFrom(...connectivities),
        asOne: fc.boolean(),
      });
    });

  test("equals a flood fill from every voxel", async () => {
    await fc.assert(
      fc.asyncProperty(volumes, async ({ labels, shape, connectivity, asOne }) => {
        const kept = await largestComponent(labels, shape, { connectivity, asOne });
        expect(kept).toEqual(byFloodFill(labels, shape, connectivity, asOne));
        expect(await largestComponent(kept, shape, { connectivity, asOne })).toEqual(kept);
      }),
      { numRuns: 500 },
    );
  });

  test("labels that do not fill the volume are refused", async () => {
    await expect(largestComponent(new Uint8Array(7), [2, 2, 2])).rejects.toThrow(/2×2×2 voxels cannot have 7 labels/);
  });
});
