import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DataError } from "./data-error.js";
import { shuffled } from "./random.js";
import { balancedFolds, splitCases, splitFold } from "./split.js";

const cases = (count: number): string[] => Array.from({ length: count }, (_, i) => `case_${i}`);

describe("splitCases", () => {
  it.each([
    [54, 43, 11],
    [216, 172, 44],
    [12, 9, 3],
    [5, 4, 1],
    [2, 1, 1],
  ])("splits %d cases into %d and %d", (all, training, validation) => {
    const split = splitCases(cases(all), { seed: 0 });
    expect([split.training.length, split.validation.length]).toEqual([training, validation]);
  });

  it("takes ⌊fraction · n⌋ in exact arithmetic, and leaves no side empty", () => {
    expect(splitCases(cases(100), { trainFraction: 0.29, seed: 0 }).training).toHaveLength(29);
    expect(splitCases(cases(3), { trainFraction: 0.01, seed: 0 }).training).toHaveLength(1);
    expect(splitCases(cases(3), { trainFraction: 0.999, seed: 0 }).validation).toHaveLength(1);
  });

  it("puts every case on one side, whatever the order of the names", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { minLength: 2, maxLength: 40 }), fc.nat(), (names, seed) => {
        const split = splitCases(names, { seed });
        expect([...split.training, ...split.validation].sort()).toEqual([...names].sort());
        expect(splitCases(shuffled(names, seed, "other order"), { seed })).toEqual(split);
      }),
    );
  });

  it("changes with the seed and holds still for ever", () => {
    expect(splitCases(cases(10), { seed: 1 })).toEqual(splitCases(cases(10), { seed: 1 }));
    expect(splitCases(cases(54), { seed: 1 })).not.toEqual(splitCases(cases(54), { seed: 2 }));
    expect(splitCases(cases(10), { seed: 1 }).validation).toEqual(["case_3", "case_5"]);
  });

  it.each([
    [[], 0.8, "needs at least 2 cases, but there are none"],
    [["a"], 0.8, "needs at least 2 cases, but there is 1"],
    [["a", "b", "a"], 0.8, '"a" comes twice'],
    [["a", "b"], 1, "must lie between 0 and 1, not 1"],
    [["a", "b"], NaN, "must lie between 0 and 1, not NaN"],
  ])("refuses %j at %d", (names, trainFraction, message) => {
    expect(() => splitCases(names, { trainFraction, seed: 0 })).toThrow(DataError);
    expect(() => splitCases(names, { trainFraction, seed: 0 })).toThrow(message);
  });
});

describe("splitFold", () => {
  it("holds each case out once, in folds of nearly the same size, and trains on the rest", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 40 }), fc.integer({ min: 2, max: 40 }), fc.nat(), (count, of, seed) => {
        fc.pre(of <= count);
        const folds = Array.from({ length: of }, (_, index) => splitFold(cases(count), { index, of }, seed));
        expect(folds.flatMap(({ validation }) => validation).sort()).toEqual(cases(count).sort());
        for (const { training, validation } of folds) {
          expect([...training, ...validation].sort()).toEqual(cases(count).sort());
          expect(validation.length - Math.floor(count / of)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it("does not depend on the order of the names, but on the seed", () => {
    const fold = (names: string[], seed: number) => splitFold(names, { index: 1, of: 3 }, seed);
    expect(fold(cases(9).reverse(), 4)).toEqual(fold(cases(9), 4));
    expect(fold(cases(9), 5)).not.toEqual(fold(cases(9), 4));
  });

  it.each([
    [3, 3, "a fold is one of 0 to 2 of 3, not 3 of 3"],
    [0, 1, "a fold is one of 0 to 1 of 2, not 0 of 1"],
    [0, 9, "4 cases cannot be split into 9 folds; take at most 4"],
  ])("refuses fold %d of %d of four cases", (index, of, message) => {
    expect(() => splitFold(cases(4), { index, of }, 0)).toThrow(new DataError(message));
  });
});

describe("balancedFolds", () => {
  const kinds = fc.array(fc.constantFrom("", "1", "1 2"), { minLength: 2, maxLength: 40 });
  const named = (list: readonly string[]) => list.map((kind, i) => ({ name: `case_${i}`, kind }));

  it("holds each case out once; folds differ by at most one case, in all and of each kind", () => {
    fc.assert(
      fc.property(kinds, fc.integer({ min: 2, max: 10 }), fc.nat(), (list, of, seed) => {
        fc.pre(of <= list.length);
        const all = named(list);
        const folds = balancedFolds(all, of, seed);
        expect(folds).toHaveLength(of);
        expect(folds.flat().sort()).toEqual(all.map(({ name }) => name).sort());
        for (const kind of [undefined, ...new Set(list)]) {
          const counted = new Set(
            all.filter((each) => kind === undefined || each.kind === kind).map(({ name }) => name),
          );
          const counts = folds.map((fold) => fold.filter((name) => counted.has(name)).length);
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it("does not depend on the order of the cases, but on the seed", () => {
    const all = named(["1", "1", "1 2", "1", "", "1 2", "1", "1"]);
    expect(balancedFolds(all.toReversed(), 3, 4)).toEqual(balancedFolds(all, 3, 4));
    expect(balancedFolds(all, 3, 5)).not.toEqual(balancedFolds(all, 3, 4));
  });

  it.each([
    [1, "a cross-validation has 2 folds or more, not 1"],
    [4, "3 cases cannot be split into 4 folds; take at most 3"],
  ])("refuses %d folds of three cases", (of, message) => {
    expect(() => balancedFolds(named(["1", "1", "2"]), of, 0)).toThrow(new DataError(message));
  });
});
