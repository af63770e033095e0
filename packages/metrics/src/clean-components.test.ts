import fc from "fast-check";
import { expect, test } from "vitest";
import { classComponents, cleanComponents } from "./clean-components.js";

/** Two components of label 1, of 3 and 2 pixels, and one of 2 that touches the first. */
const labels = Uint8Array.from([...[1, 1, 0, 0, 0], ...[0, 1, 2, 0, 1], ...[0, 0, 0, 0, 1]]);
const shape = [5, 3, 1] as const;

test("a class keeps its largest component, or those that are large enough; others stay as they are", async () => {
  const largest = await cleanComponents(labels, shape, [{ label: 1, largest: true, leastVoxels: 0 }]);
  expect([...largest]).toEqual([1, 1, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0]);
  const large = await cleanComponents(labels, shape, [
    { label: 1, largest: false, leastVoxels: 2 },
    { label: 2, largest: false, leastVoxels: 2 },
  ]);
  expect([...large]).toEqual([1, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1]);
  expect([...(await cleanComponents(labels, shape, []))]).toEqual([...labels]);
});

test("what is told of components is what cleaning leaves of them", async () => {
  const extents = fc.tuple(
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 1, max: 4 }),
  );
  const volumes = extents.chain(([x, y, z]) => {
    const voxels = fc.array(fc.nat(2), { minLength: x * y * z, maxLength: x * y * z });
    return fc.record({ shape: fc.constant([x, y, z] as const), labels: voxels, truth: voxels });
  });
  await fc.assert(
    fc.asyncProperty(volumes, fc.nat(6), fc.boolean(), async (volume, leastVoxels, largest) => {
      const [predicted, truth] = [Uint8Array.from(volume.labels), Uint8Array.from(volume.truth)];
      const components = (await classComponents(predicted, truth, volume.shape)).filter(({ label }) => label === 1);
      const most = Math.max(0, ...components.map(({ voxels }) => voxels));
      const first = components.findIndex(({ voxels }) => voxels === most);
      const stay = components.filter(({ voxels }, i) => voxels >= leastVoxels && (!largest || i === first));
      const cleaned = await cleanComponents(predicted, volume.shape, [{ label: 1, largest, leastVoxels }]);
      const count = (of: (i: number) => boolean): number => cleaned.reduce((sum, _, i) => sum + Number(of(i)), 0);
      expect(count((i) => cleaned[i] === 1)).toBe(stay.reduce((sum, { voxels }) => sum + voxels, 0));
      expect(count((i) => cleaned[i] === 1 && truth[i] === 1)).toBe(
        stay.reduce((sum, { overlap }) => sum + overlap, 0),
      );
      expect(count((i) => cleaned[i] === 2)).toBe(predicted.filter((label) => label === 2).length);
    }),
  );
});
