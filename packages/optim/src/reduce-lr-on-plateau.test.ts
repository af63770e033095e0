import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ReduceLROnPlateau } from "./reduce-lr-on-plateau.js";

const rates = (scheduler: ReduceLROnPlateau, values: readonly number[]): number[] =>
  values.map((value) => scheduler.step(value));

describe("ReduceLROnPlateau", () => {
  test("patience 3: the fourth bad epoch halves the rate, and the count starts again", () => {
    const scheduler = new ReduceLROnPlateau({ learningRate: 1, factor: 0.5, patience: 3 });
    expect(rates(scheduler, Array(10).fill(2))).toEqual([1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]);
  });

  test("exactly at the threshold is no improvement", () => {
    const scheduler = new ReduceLROnPlateau({ learningRate: 1, factor: 0.5, patience: 0, threshold: 0.25 });
    expect(rates(scheduler, [1, 0.75, 0.5])).toEqual([1, 0.5, 0.5]);
    expect(scheduler.best).toBe(0.5);
  });

  test("NaN is a bad epoch and never the best", () => {
    const scheduler = new ReduceLROnPlateau({ learningRate: 1, factor: 0.5, patience: 1 });
    expect(rates(scheduler, [Number.NaN, Number.NaN, 3])).toEqual([1, 0.5, 0.5]);
    expect(scheduler.best).toBe(3);
  });

  test("a reduction by epsilon or less is left out, yet the count starts again", () => {
    const scheduler = new ReduceLROnPlateau({ learningRate: 1.5e-8, factor: 0.5, patience: 0 });
    expect(rates(scheduler, [1, 1, 1])).toEqual([1.5e-8, 1.5e-8, 1.5e-8]);
    expect(scheduler.badEpochs).toBe(0);
  });

  test("higher is better, absolute threshold, cooldown and minimum", () => {
    const scheduler = new ReduceLROnPlateau({
      learningRate: 1,
      mode: "max",
      thresholdMode: "abs",
      threshold: 0.5,
      factor: 0.1,
      patience: 0,
      cooldown: 2,
      minimum: 0.05,
    });
    expect(rates(scheduler, [1, 1.5, 1.5, 1.5, 1.5, 2.5])).toEqual([1, 0.1, 0.1, 0.1, 0.05, 0.05]);
  });

  test("a restored one continues as if it had not stopped", () => {
    const value = fc.oneof(fc.double({ min: -2, max: 2 }), fc.constant(Number.NaN));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 30 }), fc.nat(30), fc.nat(2), (values, cut, cooldown) => {
        const options = { learningRate: 1, factor: 0.5, patience: 1, cooldown };
        const whole = new ReduceLROnPlateau(options);
        const first = new ReduceLROnPlateau(options);
        const second = new ReduceLROnPlateau(options);
        const expected = rates(whole, values);
        const before = rates(first, values.slice(0, cut));
        second.restore(JSON.parse(JSON.stringify(first.state())));
        expect([...before, ...rates(second, values.slice(cut))]).toEqual(expected);
      }),
    );
  });

  test("a factor that would not reduce is refused", () => {
    expect(() => new ReduceLROnPlateau({ learningRate: 1, factor: 1 })).toThrow("factor must be below 1, got 1");
  });
});
