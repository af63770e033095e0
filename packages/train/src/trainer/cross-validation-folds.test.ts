import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { crossValidationFolds, labelsIn } from "./cross-validation-folds.js";
import { planRun } from "./plan-run.js";
import { resolveConfig } from "./training-config.js";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-folds-"));
  await writePhantom(nodeStorage, join(root, "data"), { cases: 4, testCases: 0, size: 8, slices: [2, 3], seed: 1 });
});
afterAll(() => rm(root, { recursive: true, force: true }));

const configOf = (changes: object = {}) =>
  resolveConfig(null, { data: join(root, "data"), size: 8, depth: 1, baseFeatures: 1, ...changes });

test("the labels that a case holds", () => {
  const counts = (...slices: number[][]) => labelsIn({ labelCounts: slices });
  expect(counts([9, 0, 0], [8, 1, 0])).toBe("1");
  expect(counts([9, 0, 2], [8, 1, 0])).toBe("1 2");
  expect(counts([9, 0, 0])).toBe("");
});

test("every case is held out once, and the runs hold out what the folds say", async () => {
  const made = await crossValidationFolds(nodeStorage, configOf(), 2, { cacheDirectory: join(root, "cache") });
  const { heldOut: folds, contents } = made;
  expect(folds.flat().sort()).toEqual([1, 2, 3, 4].map((n) => `phantom_00${n}`));
  expect(Object.keys(contents).sort()).toEqual(folds.flat().sort());
  expect(new Set(Object.values(contents)).size).toBe(4);
  for (const validationCases of folds) {
    const { split } = await planRun(nodeStorage, configOf({ validationCases }));
    expect(split.validation).toEqual(validationCases);
    expect([...split.training, ...split.validation].sort()).toEqual(folds.flat().sort());
  }
});

test("images of several channels are dealt out too", async () => {
  const data = join(root, "two");
  await writePhantom(nodeStorage, data, { cases: 2, testCases: 0, size: 8, slices: [2, 2], channels: 2, seed: 1 });
  const options = { cacheDirectory: join(root, "two-cache") };
  const { heldOut } = await crossValidationFolds(nodeStorage, configOf({ data }), 2, options);
  expect(heldOut.flat().sort()).toEqual(["phantom_001", "phantom_002"]);
});

test("more folds than cases are refused before anything is decoded", async () => {
  const cacheDirectory = join(root, "untouched");
  await expect(crossValidationFolds(nodeStorage, configOf(), 5, { cacheDirectory })).rejects.toThrow(
    "4 cases cannot be split into 5 folds; take at most 4",
  );
  await expect(nodeStorage.list(cacheDirectory)).rejects.toThrow();
});

test.each<[string, object, RegExp]>([
  ["a case that is not there", { validationCases: ["liver_7"] }, /names liver_7, which is none of the 4 cases of/],
  [
    "all cases",
    { validationCases: [1, 2, 3, 4].map((n) => `phantom_00${n}`) },
    /names all cases of .*, so there is none to train on; name fewer/,
  ],
  ["none", { validationCases: [] }, /'validationCases' needs/],
  [
    "cases beside a fold",
    { validationCases: ["phantom_001"], fold: { index: 0, of: 2 } },
    /'fold' and 'validationCases' both say which cases are held out; leave one out/,
  ],
])("validation on %s is refused", async (_, changes, message) => {
  await expect((async () => planRun(nodeStorage, configOf(changes)))()).rejects.toThrow(message);
});
