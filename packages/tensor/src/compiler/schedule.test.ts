import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chooseRepeats, type Goal, type Schedule, type ScheduledStep, simulate } from "./schedule.js";

/** n steps forward, each of the one before, and n backward, each of the one before and of a forward result. */
function upAndDown(sizes: readonly number[], repeatable: (i: number) => boolean): Schedule {
  const n = sizes.length;
  const steps: ScheduledStep[] = [];
  for (let i = 0; i < 2 * n; i++) {
    const reads = i < n ? (i === 0 ? [] : [i - 1]) : [i - 1, 2 * n - 1 - i];
    steps.push({ reads, writes: [i], cost: 1, repeatable: i < n && repeatable(i) });
  }
  return {
    steps,
    bytes: steps.map((_, i) => sizes[i < n ? i : 2 * n - 1 - i] as number),
    maker: steps.map((step, i) => (step.repeatable ? i : undefined)),
    inlined: steps.map(() => undefined),
  };
}

const nothing = ({ steps }: Schedule) => steps.map(() => new Set<number>());

describe("simulate", () => {
  test("keeps a tensor from its making to its last reading", () => {
    const { live, cost } = simulate(
      upAndDown([10, 10], () => false),
      nothing(upAndDown([10, 10], () => false)),
    );
    // 0 | 0 1 | 0 1 2 | 0 2 3
    expect(live).toEqual([10, 20, 30, 30]);
    expect(cost).toBe(4);
  });

  test("what is computed again is free in between; what is then not read is not computed", () => {
    const schedule = upAndDown([10, 10, 10], () => true);
    const repeats = nothing(schedule);
    repeats[4]?.add(1);
    const { runs, needed, cost } = simulate(schedule, repeats);
    expect(runs.map(({ step }) => step)).toEqual([0, 1, 2, 3, 1, 4, 5]);
    expect(needed.every(Boolean)).toBe(true);
    expect(cost).toBe(7);
    repeats[1]?.add(0);
    expect(simulate(schedule, repeats).needed[0]).toBe(false);
  });
});

const atAnyCost = (bytes: number): Goal => ({ bytes, cost: Infinity });

describe("chooseRepeats", () => {
  test("what is made from what is kept is given up first, and nothing more than the target wants", () => {
    const schedule = upAndDown([100, 100, 100, 100], (i) => i % 2 === 1);
    const before = simulate(schedule, nothing(schedule));
    expect(simulate(schedule, chooseRepeats(schedule, atAnyCost(before.peak))).cost).toBe(before.cost);
    const repeats = chooseRepeats(schedule, atAnyCost(before.peak - 100));
    const after = simulate(schedule, repeats);
    expect(after.peak).toBe(before.peak - 100);
    expect(repeats.flatMap((set) => [...set])).toEqual([1]);
  });

  test("a tensor that is computed again without being stored costs what it is made from instead", () => {
    const plain = upAndDown([10, 100, 100, 100], (i) => i === 1);
    const schedule = { ...plain, inlined: plain.inlined.map((_, i) => (i === 1 ? [0] : undefined)) };
    const repeats = chooseRepeats(schedule, atAnyCost(0));
    expect(repeats[6]).toEqual(new Set([1]));
    expect(simulate(schedule, repeats).runs).toHaveLength(8);
  });

  test("for no cost, what is live until it is read is computed right before", () => {
    const reads = [[], [0], [], [2], [0, 1, 3]];
    const schedule: Schedule = {
      steps: reads.map((each, i) => ({ reads: each, writes: [i], cost: 1, repeatable: i < 4 })),
      bytes: [10, 100, 100, 10, 0],
      maker: [0, 1, 2, 3, undefined],
      inlined: reads.map(() => undefined),
    };
    const before = simulate(schedule, nothing(schedule));
    const repeats = chooseRepeats(schedule, { bytes: 0, cost: before.cost });
    const after = simulate(schedule, repeats);
    expect(repeats[4]).toEqual(new Set([1]));
    expect([before.peak, after.peak]).toEqual([220, 120]);
    expect(after.cost).toBe(before.cost);
  });

  test("never takes more memory, and every result is still made of the right tensors", () => {
    const part = fc.double({ min: 0, max: 1, noNaN: true });
    const sizes = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(sizes, fc.nat(511), part, fc.constantFrom(1, 1.2, Infinity), (list, mask, share, most) => {
        const schedule = upAndDown(list, (i) => ((mask >> i) & 1) === 1);
        const before = simulate(schedule, nothing(schedule));
        const after = simulate(
          schedule,
          chooseRepeats(schedule, { bytes: share * before.peak, cost: most * before.cost }),
        );
        expect(after.peak).toBeLessThanOrEqual(before.peak);
        expect(after.cost).toBeLessThanOrEqual(most * before.cost);
        const made = new Set<number>();
        after.runs.forEach(({ step }, time) => {
          if (after.needed[time] !== true) return;
          for (const each of schedule.steps[step]?.reads ?? []) expect(made.has(each)).toBe(true);
          for (const each of schedule.steps[step]?.writes ?? []) made.add(each);
        });
        expect(made.has(schedule.steps.length - 1)).toBe(true);
      }),
    );
  });
});
