import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { diceCounts, diceScores, meanDiceByClass, pooledCounts, scoresOf } from "./dice-scores.js";

describe("diceScores", () => {
  test("worked by hand: two of three foreground pixels found, one class in neither", () => {
    const scores = diceScores([0, 1, 1, 0], [0, 1, 1, 1], 3);
    expect(scores).toEqual({
      intersection: [1, 2, 0],
      predicted: [2, 2, 0],
      target: [1, 3, 0],
      dice: [2 / 3, 4 / 5, 1],
      diceIgnoreEmpty: [2 / 3, 4 / 5, null],
      meanAll: (2 / 3 + 4 / 5 + 1) / 3,
      meanForeground: 0.9,
      meanAllIgnoreEmpty: (2 / 3 + 4 / 5) / 2,
      meanForegroundIgnoreEmpty: 0.8,
    });
  });

  test("a class that is predicted but not there scores 0, or is left out", () => {
    expect(diceScores([1, 0], [0, 0], 2)).toMatchObject({
      dice: [2 / 3, 0],
      diceIgnoreEmpty: [2 / 3, null],
      meanForegroundIgnoreEmpty: null,
    });
  });

  test("the background alone has no foreground mean", () => {
    expect(diceScores([0], [0], 1).meanForeground).toBeNull();
  });

  const labels = fc.integer({ min: 1, max: 40 }).chain((length) => {
    const image = fc.array(fc.nat(3), { minLength: length, maxLength: length });
    return fc.tuple(image, image);
  });

  test("symmetric, 1 for the same image, and counts add up", () => {
    fc.assert(
      fc.property(labels, ([a, b]) => {
        expect(diceScores(a, b, 4).dice).toEqual(diceScores(b, a, 4).dice);
        expect(diceScores(a, a, 4).meanAll).toBe(1);
        expect(diceCounts(a, b, 4).predicted.reduce((sum, count) => sum + count)).toBe(a.length);
      }),
    );
  });

  test("pooling counts is counting the images side by side", () => {
    fc.assert(
      fc.property(labels, labels, ([a, b], [c, d]) => {
        const pooled = scoresOf(pooledCounts([diceCounts(a, b, 4), diceCounts(c, d, 4)]));
        expect(pooled).toEqual(diceScores([...a, ...c], [...b, ...d], 4));
      }),
    );
  });

  test("means over cases leave out what is null", () => {
    const cases = [diceScores([1, 0], [0, 0], 2), diceScores([1, 0], [1, 0], 2)];
    expect(meanDiceByClass(cases)).toEqual({ dice: [(2 / 3 + 1) / 2, 0.5], diceIgnoreEmpty: [(2 / 3 + 1) / 2, 1] });
  });

  test.each([
    [[0, 1], [0], /the prediction has 2 pixels, the target 1/],
    [[3], [0], /pixel 0 has prediction 3 and target 0, classes are 0 to 2/],
    [[0], [0.5], /target 0.5/],
  ])("%j against %j is refused", (prediction, target, message) => {
    expect(() => diceScores(prediction, target, 3)).toThrow(message);
  });
});
