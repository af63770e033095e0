import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DiceAccumulator, type DiceReadings } from "./dice-readings.js";
import { diceCounts } from "./dice-scores.js";

type Slice = readonly [prediction: readonly number[], truth: readonly number[]];
type Cases = readonly (readonly Slice[])[];

function readingsOf(cases: Cases, label: number): DiceReadings {
  const accumulator = new DiceAccumulator(3);
  cases.forEach((slices, i) => {
    for (const [prediction, truth] of slices) accumulator.addSlice(`case ${i}`, diceCounts(prediction, truth, 3));
  });
  const readings = accumulator.result({ seed: 7 })[label];
  if (readings === undefined) throw new Error(`no class ${label}`);
  return readings;
}

/** All readings by plain loops over the labels. */
function byPlainLoops(cases: Cases, label: number) {
  const has = (labels: readonly number[]): boolean => labels.includes(label);
  const dice = (slices: readonly Slice[]): number | null => {
    let [both, size] = [0, 0];
    for (const [prediction, truth] of slices)
      for (let i = 0; i < truth.length; i++) {
        if (prediction[i] === label) size++;
        if (truth[i] === label) size++;
        if (prediction[i] === label && truth[i] === label) both++;
      }
    return size === 0 ? null : (2 * both) / size;
  };
  const mean = (values: number[]) => {
    let sum = 0;
    for (const value of values) sum += value;
    return { value: values.length ? expect.closeTo(sum / values.length, 12) : null, n: values.length };
  };
  const slices = cases.flat();
  const present = cases.filter((each) => each.some(([, truth]) => has(truth)));
  const pooled = dice(slices);
  return {
    sliceMean: mean(slices.map((slice) => dice([slice]) ?? 1)),
    foregroundSliceMean: mean(slices.filter(([, truth]) => has(truth)).map((slice) => dice([slice]) ?? Number.NaN)),
    pooled: { value: pooled === null ? null : expect.closeTo(pooled, 12), n: cases.length },
    perCase: mean(present.map((each) => dice(each) ?? Number.NaN)),
    perCaseWithEmpty: mean(cases.map((each) => dice(each) ?? 1)),
  };
}

describe("the four readings of Dice", () => {
  // Pixels of two cases: the first has slices with Dice 1/2, empty/empty and found where nothing is; the second lacks it.
  const cases: Cases = [
    [
      [
        [1, 1, 0, 0],
        [0, 1, 1, 0],
      ],
      [
        [0, 0, 0, 0],
        [0, 0, 0, 0],
      ],
      [
        [1, 0, 0, 0],
        [0, 0, 0, 0],
      ],
    ],
    [
      [
        [0, 0, 0, 0],
        [0, 0, 0, 2],
      ],
    ],
  ];

  test("worked by hand", () => {
    expect(readingsOf(cases, 1)).toEqual({
      sliceMean: { value: (1 / 2 + 1 + 0 + 1) / 4, n: 4 },
      foregroundSliceMean: { value: 1 / 2, n: 1 },
      pooled: { value: 2 / 5, n: 2 },
      perCase: { value: 2 / 5, n: 1, interval: null },
      perCaseWithEmpty: { value: (2 / 5 + 1) / 2, n: 2, interval: [2 / 5, 1] },
    });
  });

  test("differ on the same labels", () => {
    const values = Object.values(readingsOf(cases, 1)).map(({ value }) => value);
    expect(new Set(values).size).toBe(4);
  });

  test("a class that is nowhere has no value but where the rule gives 1", () => {
    expect(readingsOf([[[[0], [0]]]], 1)).toEqual({
      sliceMean: { value: 1, n: 1 },
      foregroundSliceMean: { value: null, n: 0 },
      pooled: { value: null, n: 1 },
      perCase: { value: null, n: 0, interval: null },
      perCaseWithEmpty: { value: 1, n: 1, interval: null },
    });
  });

  test("no case at all has no value", () => {
    expect(new DiceAccumulator(2).result()[1]?.sliceMean).toEqual({ value: null, n: 0 });
  });

  const labels = fc.array(fc.nat(2), { minLength: 4, maxLength: 4 });
  const someCases = fc.array(fc.array(fc.tuple(labels, labels), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 5,
  });

  test("equal plain loops over the labels", () => {
    fc.assert(
      fc.property(someCases, fc.nat(2), (some, label) => {
        expect(readingsOf(some, label)).toMatchObject(byPlainLoops(some, label));
      }),
    );
  });

  test("slices may come in any order and cases in turn", () => {
    const [first = [], second = []] = cases;
    const accumulator = new DiceAccumulator(3);
    const add = (name: string, slice: Slice | undefined): void => {
      if (slice) accumulator.addSlice(name, diceCounts(slice[0], slice[1], 3));
    };
    add("b", second[0]);
    add("a", first[2]);
    add("a", first[0]);
    add("a", first[1]);
    expect(accumulator.result({ seed: 7 })[1]).toEqual(readingsOf(cases, 1));
  });

  test("intervals hold their means and repeat with the seed", () => {
    const some: Cases = Array.from({ length: 12 }, (_, i): Slice[] => [
      [
        [1, 1, i % 3 ? 1 : 0, i % 4 ? 0 : 1],
        [1, 1, 1, 0],
      ],
    ]);
    const { value, interval } = readingsOf(some, 1).perCase;
    expect(interval?.[0]).toBeLessThan(value ?? Number.NaN);
    expect(interval?.[1]).toBeGreaterThan(value ?? Number.NaN);
    expect(readingsOf(some, 1).perCase).toEqual({ value, n: 12, interval });
  });

  test("counts of another number of classes are refused", () => {
    expect(() => new DiceAccumulator(3).addSlice("liver_7", diceCounts([0], [0], 2))).toThrow(
      /liver_7 has counts of 2 classes, not 3/,
    );
  });
});
