import { expect, test } from "vitest";
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

test("the slices that went best and worst, turned as radiologists look at them", () => {
  const gallery = new SliceGallery(2, [0, 10], 1);
  // by slice: half right (2/3), right, wrong, nothing there
  gallery.look(
    "a",
    volume([0, 5, 10, 20, 1, 2, 3, 4]),
    volume([1, 1, 0, 1, 1, 0, 0, 0]),
    volume([1, 0, 0, 1, 0, 1, 0, 0]),
  );
  const { best, worst, of } = gallery.slices();
  expect(of).toBe(3);
  expect(best).toMatchObject([{ caseName: "a", slice: 2, dice: [1, 1], spacing: [1, 2] }]);
  expect([...(best[0]?.image ?? [])]).toEqual([2, 1]);
  expect(worst).toMatchObject([{ caseName: "a", slice: 3, dice: [0, 0] }]);
  expect(Array.from(worst[0]?.truth ?? [])).toEqual([0, 1]);
});

test("a slice with nothing in it is never shown", () => {
  const gallery = new SliceGallery(2, [0, 1]);
  gallery.look("empty", volume([0, 0]), volume([0, 0]), volume([0, 0]));
  expect(gallery.slices()).toEqual({ best: [], worst: [], of: 0 });
});
