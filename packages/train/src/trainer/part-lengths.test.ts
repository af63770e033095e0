import { type Normalization, referenceSpec, UNet } from "@lobule/nn";
import { compile, DegenerateNormError } from "@lobule/tensor";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "./config-error.js";
import { canTrainAlone, partLengths } from "./part-lengths.js";

const count = fc.integer({ min: 1, max: 40 });

describe("slices taken some at a time", () => {
  test("are all taken; where none may be alone, the last is taken with those before", () => {
    expect(partLengths(9, 4, true)).toEqual([4, 4, 1]);
    expect(partLengths(9, 4, false)).toEqual([4, 5]);
    expect(partLengths(10, 4, false)).toEqual([4, 4, 2]);
    expect(partLengths(1, 4, false)).toEqual([1]);
    expect(partLengths(0, 4, false)).toEqual([]);
    fc.assert(
      fc.property(count, fc.integer({ min: 2, max: 9 }), (all, most) => {
        const parts = partLengths(all, most, false);
        expect(parts.reduce((sum, length) => sum + length, 0)).toBe(all);
        if (all > 1) expect(parts).not.toContain(1);
        expect(Math.max(...parts)).toBeLessThanOrEqual(most + 1);
        if (all % most !== 1) expect(parts).toEqual(partLengths(all, most, true));
      }),
    );
  });
});

/** Plans of a step on the network alone; the bridge is one pixel where size is 2^depth. */
function plansOf(norm: Normalization, size: number) {
  const network = new UNet({
    ...referenceSpec,
    norm,
    groups: 1,
    baseFeatures: 1,
    depth: 2,
    inChannels: 1,
    classes: 2,
    seed: 0,
  });
  network.train();
  return {
    plan: (slices: number) =>
      compile({
        inputs: { image: { shape: [slices, 1, size, size], dtype: "f32" } },
        build: ({ image }) => ({ outputs: { logits: network.forward(image) } }),
      }),
  };
}

describe("whether a slice can be trained on alone", () => {
  test("batch normalization with one pixel in the bridge cannot, anything else can", () => {
    const sizes = { slices: 9, batch: 4, microBatch: null };
    expect(canTrainAlone(plansOf("batch", 4), sizes)).toBe(false);
    expect(canTrainAlone(plansOf("batch", 8), sizes)).toBe(true);
    expect(canTrainAlone(plansOf("group", 4), sizes)).toBe(true);
    expect(() => plansOf("instance", 4).plan(4)).toThrow(DegenerateNormError);
    expect(canTrainAlone(plansOf("instance", 8), sizes)).toBe(true);
  });

  test("is looked at only where a part has one slice, the last of a batch included", () => {
    const never = { plan: () => expect.fail("nothing is to be planned") };
    expect(canTrainAlone(never, { slices: 8, batch: 4, microBatch: null })).toBe(true);
    expect(canTrainAlone(plansOf("batch", 4), { slices: 8, batch: 4, microBatch: 3 })).toBe(false);
    expect(canTrainAlone(plansOf("batch", 4), { slices: 11, batch: 8, microBatch: 2 })).toBe(false);
  });

  test.each([
    ["a batch of one", { slices: 9, batch: 1, microBatch: null }, /^batch is 1, and the network cannot be trained/],
    ["parts of one", { slices: 8, batch: 4, microBatch: 1 }, /^microBatch is 1, and/],
    ["one slice in all", { slices: 1, batch: 4, microBatch: null }, /^there is one slice only to train on, and/],
  ])("%s is refused", (_what, sizes, message) => {
    const attempt = (): boolean => canTrainAlone(plansOf("batch", 4), sizes);
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(message);
  });
});
