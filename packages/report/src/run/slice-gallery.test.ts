import { expect, test } from "vitest";
import { memoryCollectives } from "../../../train/src/collective/memory-collectives.js";
import { SliceGallery } from "./slice-gallery.js";

const volume = (data: readonly number[]) => ({
  shape: [2, 1, data.length / 2] as const,
  spacing: [1, 2, 5] as const,
  affine: [
    [1, 0, 0, 0],
    [0, 2, 0, 0],
    [0, 0, 5, 0],
  ] as const,
  data: Float32Array.from(data),
});

test("the slices that went best and worst, turned as radiologists look at them", async () => {
  const gallery = new SliceGallery(2, () => [0, 10], 1);
  // by slice: half right (2/3), right, wrong, nothing there
  gallery.look(
    "a",
    volume([0, 5, 10, 20, 1, 2, 3, 4]),
    volume([1, 1, 0, 1, 1, 0, 0, 0]),
    volume([1, 0, 0, 1, 0, 1, 0, 0]),
  );
  const { best, worst, of } = await gallery.slices(["a"]);
  expect(of).toBe(3);
  expect(best).toMatchObject([{ caseName: "a", slice: 2, dice: [1, 1], spacing: [1, 2] }]);
  expect([...(best[0]?.image ?? [])]).toEqual([2, 1]);
  expect(worst).toMatchObject([{ caseName: "a", slice: 3, dice: [0, 0] }]);
  expect(Array.from(worst[0]?.truth ?? [])).toEqual([0, 1]);
});

test("a slice with nothing in it is never shown", async () => {
  const gallery = new SliceGallery(2, () => [0, 1]);
  gallery.look("empty", volume([0, 0]), volume([0, 0]), volume([0, 0]));
  expect(await gallery.slices(["empty"])).toEqual({ best: [], worst: [], of: 0 });
});

test("ranks that look at some of the cases each show what one shows that looks at all", async () => {
  // Many slices of the same Dice, of which the first ones are shown.
  const cases = Array.from({ length: 7 }, (_, i) => ({
    name: `case ${i}`,
    scan: volume([i / 3, 1, 2, 3, 4, 5]),
    truth: volume([1, 0, 1, 1, i % 2, 1]),
    prediction: volume([1, 0, i % 3, 1, 1, 0]),
  }));
  const names = cases.map(({ name }) => name);
  const looking = async (world = memoryCollectives(1)[0]) => {
    if (world === undefined) throw new RangeError("no ranks");
    const gallery = new SliceGallery(3, () => [0, 10], 2);
    for (const [i, { name, scan, truth, prediction }] of cases.entries()) {
      if (i % world.size === world.rank) gallery.look(name, scan, truth, prediction);
    }
    return gallery.slices(names, world);
  };
  const alone = await looking();
  expect(alone.of).toBe(21);
  for (const size of [2, 3, 8]) {
    for (const shared of await Promise.all(memoryCollectives(size).map(looking))) expect(shared).toEqual(alone);
  }
});
