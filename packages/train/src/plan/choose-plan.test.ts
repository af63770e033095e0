import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { resolveConfig } from "../trainer/training-config.js";
import { type Choice, choosePlan, type PlanBasis } from "./choose-plan.js";
import type { DataFacts } from "./data-facts.js";

const same = (value: number) => ({ least: value, median: value, most: value });
const centered = { cases: 50, mean: 0.01, agreeing: 0.6 };
const classOf = (x: { cases: number; mean: number; agreeing: number } = centered) => ({
  ...{ label: 1, name: "liver", cases: 50, slices: 4000, milliliters: same(1500) },
  offset: { x, y: centered },
});
const liver: DataFacts = {
  cases: 50,
  slices: 10_000,
  foregroundSlices: 4000,
  width: same(512),
  height: same(512),
  depth: same(200),
  spacing: [same(0.8), same(0.8), same(2)],
  field: { x: same(409.6), y: same(409.6) },
  foreground: { low: -17.2, median: 101, high: 200.4, voxels: 1e6 },
  classes: [classOf({ cases: 50, mean: 0.2, agreeing: 1 })],
};
/** Facts of classes that are in so many slices, of which the first is in all with foreground. */
const fullOf = (...slices: number[]): Partial<DataFacts> => {
  return { foregroundSlices: slices[0] ?? 0, classes: slices.map((each) => ({ ...classOf(), slices: each })) };
};
const basis = (changes: Partial<DataFacts> = {}, more: Partial<PlanBasis> = {}): PlanBasis => {
  return { facts: { ...liver, ...changes }, modality: ["CT"], software: false, given: {}, ...more };
};

const chosen = (choices: readonly Choice[], setting: string): unknown =>
  choices.find((each) => each.setting.join(".") === setting)?.value;
const planned = (setting: string, ...from: Parameters<typeof basis>): unknown =>
  chosen(choosePlan(basis(...from)), setting);

describe("a plan for CT of 512²", () => {
  test("on a GPU", () => {
    const plan = Object.fromEntries(choosePlan(basis()).map(({ setting, value }) => [setting.join("."), value]));
    expect(plan).toMatchObject({ normalization: "foreground", size: 512, baseFeatures: 32, depth: 4, batch: 32 });
    expect(plan).toMatchObject({ "loss.batchDice": true, "loss.foregroundDice": true });
    expect(plan).toMatchObject({ oversample: 0.33, schedule: "polynomial" });
    expect(plan).toMatchObject({ "augmentation.kind": "nnunet" });
    expect([plan["augmentation.leftRight"], plan["augmentation.frontBack"]]).toEqual([0, 0.5]);
    // 250 steps an epoch.
    expect(plan).toMatchObject({ epochs: 100, "earlyStopping.patience": 100 });
  });

  test("of different spacings, slices are brought to the median and seen in patches of the middle extents", () => {
    const spacing = { least: 0.6, median: 0.766_51, most: 0.95 };
    const facts = { spacing: [spacing, spacing, same(2)], field: { x: same(390), y: same(390) } } as const;
    expect(planned("spacing", facts)).toEqual([0.767, 0.767]);
    expect(planned("patch", facts)).toEqual([512, 512]);
    expect(planned("resampling", facts)).toBe("cubic");
    expect(planned("size", facts)).toBeUndefined();
    expect(planned("size", facts, { software: true })).toBe(128);
    expect(planned("patch", facts, { given: { size: 256 } })).toBeUndefined();
    expect(planned("depth", facts, { given: { patch: [64, 96] } })).toBe(4);
    expect(planned("depth", facts, { given: { patch: [512, 480], baseFeatures: 8 } })).toBe(5);
    expect(planned("patch", facts, { given: { spacing: [1.5, 1.5] } })).toEqual([256, 256]);
  });

  test("on a software adapter it is small and short, of small batches", () => {
    const plan = (setting: string, facts = {}) => planned(setting, facts, { software: true });
    expect([plan("size"), plan("baseFeatures"), plan("depth"), plan("epochs")]).toEqual([128, 8, 5, 12]);
    expect([plan("batch"), plan("batch", { slices: 60 })]).toEqual([4, 2]);
    // 80 steps a pass: as many passes as are asked for at most.
    expect(plan("epochs", { slices: 400, foregroundSlices: 400 })).toBe(20);
    expect([plan("augmentation.kind"), plan("augmentation.flip")]).toEqual(["light", 0]);
  });
});

test("what is given is left as it is, and what depends on it follows", () => {
  const choices = choosePlan(basis({}, { given: { size: 64, batch: 8 } }));
  expect([chosen(choices, "size"), chosen(choices, "batch")]).toEqual([undefined, undefined]);
  expect(chosen(choices, "depth")).toBe(4);
  expect([chosen(choices, "stepsPerEpoch"), chosen(choices, "epochs")]).toEqual([250, 100]);
});

test("nothing is said of a network that is given in another way", () => {
  const model = { given: { model: "own.ts" } };
  expect([planned("network.preset", {}, model), planned("depth", {}, model)]).toEqual([undefined, 4]);
});

test("a long pass over the slices is made several epochs", () => {
  const facts = { slices: 40_000, foregroundSlices: 20_000 };
  expect([planned("stepsPerEpoch", facts), planned("epochs", facts)]).toEqual([250, 100]);
  expect(planned("stepsPerEpoch")).toBeUndefined();
});

test.each<[string, unknown, string, Partial<DataFacts>, Partial<PlanBasis>?]>([
  ["slices of several classes are drawn by class", "class", "oversampleBy", { classes: [classOf(), classOf()] }],
  ["a window that is given is kept", undefined, "normalization", {}, { given: { window: [0, 100] } }],
  ["values of MRI have no fixed scale", "image", "normalization", {}, { modality: ["MRI"] }],
  ["of images that may be anything the window is found", "auto", "window", {}, { modality: [] }],
  ["slices are not enlarged but to a multiple of 16", 96, "size", { width: same(90), height: same(81) }],
  ["a class that is in few slices is judged over the batch", true, "loss.batchDice", {}],
  [
    "so it is by another loss with a term of overlap",
    true,
    "loss.batchDice",
    {},
    { given: { loss: { kind: "tversky" } } },
  ],
  ["but not by one without", undefined, "loss.batchDice", {}, { given: { loss: { kind: "focal" } } }],
  [
    "nor is another loss chosen than the given one",
    undefined,
    "loss.kind",
    {},
    { given: { loss: { kind: "tversky" } } },
  ],
  ["and one that is in all of them slice by slice", false, "loss.batchDice", { slices: 4000, foregroundSlices: 4000 }],
  ["a batch is at most 5 % of the slices", 16, "batch", { slices: 350, foregroundSlices: 100 }],
  ["and at least two of them", 2, "batch", { slices: 10, foregroundSlices: 5 }],
  ["nothing is drawn where nearly all slices hold foreground", 0, "oversample", fullOf(9500)],
  ["but where a class is in few of them", 0.33, "oversample", fullOf(9500, 700)],
  ["unless any foreground is asked for", 0, "oversample", fullOf(9500, 700), { given: { oversampleBy: "any" } }],
  ["and not for a class that is in none", 0, "oversample", fullOf(9500, 0)],
  ["what keeps to no side is mirrored", 0.5, "augmentation.leftRight", { classes: [classOf()] }],
  [
    "so is what does so in some cases only",
    0.5,
    "augmentation.leftRight",
    { classes: [classOf({ cases: 50, mean: 0.2, agreeing: 0.8 })] },
  ],
  [
    "and what one case alone has, which has to lie somewhere",
    0.5,
    "augmentation.leftRight",
    { classes: [classOf({ cases: 1, mean: 0.2, agreeing: 1 })] },
  ],
])("%s", (_, value, setting, changes, more) => {
  expect(planned(setting, changes, more)).toEqual(value);
});

test.each<[string, string, RegExp, Partial<DataFacts>]>([
  ["slices that fit are kept", "size", /^Whole slices at their own size\.$/, { width: same(96), height: same(96) }],
  [
    "others are stretched",
    "size",
    /larger side is 47 .*stretched to a square of that side, up to a multiple of 16\.$/,
    {
      width: same(33),
      height: same(47),
    },
  ],
  [
    "oblong ones too",
    "size",
    /is 64 in the middle, each stretched to a square of that side\.$/,
    {
      width: same(64),
      height: same(48),
    },
  ],
  [
    "spacings stay different without a GPU",
    "size",
    /Pixels are from 0\.500 to 2\.00 mm wide and 1\.00 mm high: one/,
    {
      spacing: [{ least: 0.5, median: 1, most: 2 }, same(1), same(3)],
    },
  ],
  [
    "a batch is larger than its share",
    "batch",
    /^The least that is planned, though more than 5 % of the 36/,
    {
      slices: 36,
      foregroundSlices: 36,
    },
  ],
  [
    "the foreground has one value",
    "window",
    /^The images are CT whose foreground holds 50 alone: the window is found/,
    { foreground: { low: 50, median: 50, high: 50, voxels: 9 } },
  ],
  [
    "a side is that of the cases which have it",
    "augmentation.flip",
    /in 100 % of the 7 cases where it was found/,
    {
      classes: [classOf({ cases: 7, mean: 0.2, agreeing: 1 })],
    },
  ],
])("the reason says so where %s", (_, setting, reason, changes) => {
  const choices = choosePlan(basis(changes, { software: true }));
  expect(choices.find((each) => each.setting.join(".") === setting)?.reason).toMatch(reason);
});

test("every plan is a configuration, and every choice has a reason", () => {
  const side = fc.integer({ min: 8, max: 1200 });
  const slices = fc.integer({ min: 1, max: 1e5 });
  fc.assert(
    fc.property(side, side, slices, fc.boolean(), fc.boolean(), (width, height, count, software, differs) => {
      const pixel = differs ? { least: 0.5, median: 0.8, most: 1 } : same(0.8);
      const choices = choosePlan(
        basis(
          {
            width: same(width),
            height: same(height),
            slices: count,
            foregroundSlices: Math.ceil(count / 2),
            spacing: [pixel, pixel, same(2)],
            field: { x: same(0.8 * width), y: same(0.8 * height) },
          },
          { software },
        ),
      );
      const nested = choices.map(({ setting: [group = "", inner], value }) => {
        return { [group]: inner === undefined ? value : { [inner]: value } };
      });
      const config = resolveConfig(null, { data: "DIR" }, ...nested);
      expect(config.epochs).toBe(chosen(choices, "epochs"));
      for (const { reason } of choices) expect(reason).toMatch(/^[A-Z0-9].*\.$/);
    }),
  );
});
