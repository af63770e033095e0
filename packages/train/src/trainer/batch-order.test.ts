import { type SliceKey, shuffled } from "@lobule/data";
import { describe, expect, test } from "vitest";
import { batchesOfEpoch, type DrawnSlice, foregroundGroups, inBatches } from "./batch-order.js";

const slices = Array.from({ length: 22 }, (_, slice): SliceKey => ({ case: 0, slice }));
/** Slices 0, 5, 10, 15 and 20. */
const foreground = [slices.filter(({ slice }) => slice % 5 === 0)];
const order = { seed: 1, epoch: 3, batch: 4, alone: true, oversample: 0.5, steps: null };
const numbers = (keys: readonly DrawnSlice[]): number[] => keys.map(({ slice }) => slice);

describe("the batches of an epoch", () => {
  test("without oversampling are all slices, each once, in the order of seed and epoch", () => {
    const batches = batchesOfEpoch(slices, foreground, { ...order, oversample: 0 });
    expect(batches.map(({ length }) => length)).toEqual([4, 4, 4, 4, 4, 2]);
    expect(batches.flatMap(numbers)).toEqual(shuffled(slices, 1, "epoch", 3).map(({ slice }) => slice));
    expect(batches.flat().every(({ draw }) => draw === 0)).toBe(true);
  });

  test("with it are as many and as large, and the last of each hold foreground", () => {
    const batches = batchesOfEpoch(slices, foreground, order);
    expect(batches.map(({ length }) => length)).toEqual([4, 4, 4, 4, 4, 2]);
    for (const batch of batches) {
      const forced = batch.filter(({ draw }) => draw > 0);
      expect(forced).toEqual(batch.slice(batch.length / 2));
      expect(forced.every(({ slice }) => slice % 5 === 0)).toBe(true);
    }
  });

  test("nnU-Net's third: of two slices one is forced, of three one, of nine three", () => {
    const forcedOf = (batch: number): number | undefined =>
      batchesOfEpoch(slices, foreground, { ...order, batch, oversample: 0.33 })[0]?.filter(({ draw }) => draw > 0)
        .length;
    expect([2, 3, 9].map(forcedOf)).toEqual([1, 1, 3]);
  });

  test("every slice with foreground is drawn before one is drawn again, then in another order", () => {
    const forced = batchesOfEpoch(slices, foreground, { ...order, oversample: 1 }).flat();
    const passes = [1, 2, 3, 4].map((pass) => numbers(forced.filter(({ draw }) => draw === pass)));
    for (const pass of passes) expect(pass.toSorted((a, b) => a - b)).toEqual([0, 5, 10, 15, 20]);
    expect(new Set(passes.map(String)).size).toBeGreaterThan(1);
    // No slice and draw come twice, so that each is augmented in its own way.
    expect(new Set(forced.map(({ slice, draw }) => `${slice} ${draw}`)).size).toBe(22);
  });

  test("depend on seed and epoch alone", () => {
    expect(batchesOfEpoch(slices, foreground, order)).toEqual(batchesOfEpoch(slices, foreground, order));
    expect(batchesOfEpoch(slices, foreground, { ...order, epoch: 4 })).not.toEqual(
      batchesOfEpoch(slices, foreground, order),
    );
    expect(batchesOfEpoch(slices, foreground, { ...order, seed: 2 })).not.toEqual(
      batchesOfEpoch(slices, foreground, order),
    );
  });

  test("cannot be drawn from no foreground", () => {
    expect(() => batchesOfEpoch(slices, [], order)).toThrow("no foreground to draw");
  });
});

test("fixed batches keep the order that is given", () => {
  expect(inBatches(slices.slice(0, 5), 2, true).map(numbers)).toEqual([[0, 1], [2, 3], [4]]);
  expect(inBatches(slices.slice(0, 5), 2, false).map(numbers)).toEqual([
    [0, 1],
    [2, 3, 4],
  ]);
});

describe("slices with foreground", () => {
  const labelCounts = [
    [9, 0, 0],
    [8, 0, 1],
    [5, 4],
    [4, 4, 1],
  ];
  const keys = labelCounts.map((_, slice): SliceKey => ({ case: 0, slice }));
  const groupsBy = (by: "any" | "class") =>
    foregroundGroups([{ labelCounts }], keys, by).map((group) => group.map(({ slice }) => slice));

  test("are those where a label above 0 has a pixel, together or by class", () => {
    expect(groupsBy("any")).toEqual([[1, 2, 3]]);
    expect(groupsBy("class")).toEqual([
      [2, 3],
      [1, 3],
    ]);
    expect(foregroundGroups([{ labelCounts }], keys.slice(0, 1), "class")).toEqual([]);
  });

  test("by class: each class is drawn as often as any other, however many slices it has", () => {
    const rare = [foreground[0]?.slice(0, 1) ?? [], slices];
    const forced = batchesOfEpoch(slices, rare, { ...order, batch: 100, steps: 40, oversample: 1 }).flat();
    const ofRare = forced.filter(({ slice, draw }) => slice === 0 && draw % 2 === 1);
    // 4,000 draws, deviation 32.
    expect(Math.abs(ofRare.length - 2000)).toBeLessThan(130);
    expect(new Set(forced.map(({ slice, draw }) => `${slice} ${draw}`)).size).toBe(4000);
  });
});

describe("a fixed number of steps", () => {
  const fixed = { ...order, oversample: 0.25, steps: 14 };

  test("gives full batches, passing through all slices again and again", () => {
    const batches = batchesOfEpoch(slices, foreground, fixed);
    expect(batches.map(({ length }) => length)).toEqual(Array(14).fill(4));
    const free = batches.flatMap((batch) => batch.slice(0, 3));
    const first = free.filter(({ draw }) => draw === 0);
    expect(numbers(first)).toEqual(numbers(batchesOfEpoch(slices, [], { ...order, oversample: 0 }).flat()));
    expect(numbers(free.slice(22))).not.toEqual(numbers(first).slice(0, 20));
  });

  test("draws no slice twice under the same number, so that each is augmented anew", () => {
    const drawn = batchesOfEpoch(slices, foreground, fixed).flat();
    expect(new Set(drawn.map(({ slice, draw }) => `${slice} ${draw}`)).size).toBe(56);
  });
});
