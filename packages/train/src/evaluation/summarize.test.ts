import { describe, expect, test } from "vitest";
import { summarize } from "./summarize.js";
import { absent, classes, found, invented, missed, row } from "./testing.js";

/** Of other names than the others, or measured otherwise. */
const renamed = await row("b", [0], [0], ["background", "vessel", "tumor"]);
const tolerant = await row("b", [0], [0], classes, 3);
const cut = { ...(await row("b", [0], [0])), edge: "cut" as const };
const result = summarize([found, missed, invented, absent], { seed: 3 });

describe("summarize", () => {
  test("worked by hand: a tumor that is found, missed, invented and absent", () => {
    const tumor = result.classes[1];
    expect(tumor).toMatchObject({
      label: 2,
      name: "tumor",
      casesWithout: { inTruth: 2, inBoth: 1 },
      // A percentile of 0 and 10 mm in the only case that has both.
      hausdorff95: { value: 9.5, n: 1 },
      normalizedSurfaceDistance: { value: (2 / 3 + 0 + 0) / 3, n: 3 },
      volume: {
        truth: { value: 2 / 4, n: 4 },
        prediction: { value: 4 / 4, n: 4 },
        error: { value: (1 - 1 + 2 + 0) / 4, n: 4 },
        absoluteError: { value: (1 + 1 + 2 + 0) / 4, n: 4 },
        absoluteErrorPercent: { value: (100 + 100) / 2, n: 2 },
      },
    });
    expect(tumor?.dice).toMatchObject({
      sliceMean: { value: (2 / 3 + 0 + 0 + 1) / 4, n: 4 },
      foregroundSliceMean: { value: (2 / 3 + 0) / 2, n: 2 },
      pooled: { value: 2 / 6, n: 4 },
      perCase: { value: (2 / 3 + 0) / 2, n: 2, interval: [0, 2 / 3] },
      perCaseWithEmpty: { value: (2 / 3 + 0 + 0 + 1) / 4, n: 4 },
    });
  });

  test("does not depend on anything but cases and seed", () => {
    expect(summarize([found, missed, invented, absent], { seed: 3 })).toEqual(result);
  });

  test.each([
    ["no case", [], /there is no case/],
    ["a case twice", [found, found], /found comes twice/],
    [
      "other classes",
      [found, renamed],
      /b was measured for vessel, tumor at 2 mm, edge surface, found for liver, tumor/,
    ],
    ["another tolerance", [found, tolerant], /b was measured for liver, tumor at 3 mm/],
    ["another edge", [found, cut], /b was measured .* edge cut, found .* edge surface/],
  ])("%s is refused", (_, cases, message) => {
    expect(() => summarize(cases)).toThrow(message);
  });
});
