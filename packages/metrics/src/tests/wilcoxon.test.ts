import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { wilcoxonSignedRank } from "./wilcoxon.js";

describe("the signed-rank test", () => {
  test.each([
    ["five", [0.02, -0.01, 0.03, 0.04, 0.05], 1, 0.125],
    ["eleven", [0.012, 0.031, -0.004, 0.027, 0.009, -0.015, 0.041, 0.022, 0.006, -0.002, 0.018], 9, 0.0322265625],
    ["all above", [1, 2, 3, 4, 5, 6, 7, 8], 0, 0.0078125],
    ["three", [0.1, -0.2, 0.3], 2, 0.75],
  ])("exact, as scipy.stats.wilcoxon has it: %s", (_, differences, smaller, p) => {
    const result = wilcoxonSignedRank(differences);
    expect(result.method).toBe("exact");
    expect(Math.min(result.positiveRanks, result.negativeRanks)).toBe(smaller);
    expect(result.p).toBeCloseTo(p, 14);
  });

  const ties = [1, 1, -1, 2, 2, 3, -4, 5, 5, 5, -6, 7];
  test.each([
    ["ties", ties, 20, 0.13473994956393232],
    ["zeros, which are left out", [0, 0, ...ties], 20, 0.13473994956393232],
    ["more than 25", Array.from({ length: 30 }, (_, i) => (((i + 1) * 37) % 101) - 40), 127.5, 0.051582692267832575],
  ])("by the normal approximation, as scipy.stats.wilcoxon has it: %s", (_, differences, smaller, p) => {
    const result = wilcoxonSignedRank(differences);
    expect(result.method).toBe("normal approximation");
    expect(Math.min(result.positiveRanks, result.negativeRanks)).toBe(smaller);
    expect(result.p).toBeCloseTo(p, 13);
  });

  test("exact p is what trying all signs gives", () => {
    const sizes = fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(sizes, fc.nat(511), (distinct, signs) => {
        const withSigns = (bits: number): number[] => distinct.map((size, i) => ((bits >> i) & 1 ? size : -size));
        const smallerSum = (bits: number): number => {
          const { positiveRanks, negativeRanks } = wilcoxonSignedRank(withSigns(bits));
          return Math.min(positiveRanks, negativeRanks);
        };
        const all = Array.from({ length: 2 ** distinct.length }, (_, bits) => smallerSum(bits));
        const asExtreme = all.filter((sum) => sum <= smallerSum(signs)).length;
        expect(wilcoxonSignedRank(withSigns(signs)).p).toBeCloseTo(asExtreme / all.length, 12);
      }),
      { numRuns: 40 },
    );
  });

  test("is exact up to 25 differences, and says nothing where none is left", () => {
    const distinct = (n: number): number[] => Array.from({ length: n }, (_, i) => (i % 3 === 0 ? -1 : 1) * (i + 1));
    expect(wilcoxonSignedRank([...distinct(25), 0]).method).toBe("exact");
    expect(wilcoxonSignedRank(distinct(26)).method).toBe("normal approximation");
    expect(wilcoxonSignedRank([0, 0])).toMatchObject({ n: 0, p: 1 });
  });
});
