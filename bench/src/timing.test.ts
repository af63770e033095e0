import { describe, expect, test } from "vitest";
import { changes, interleaved, speedRatio, type Timing, timingOf } from "./timing.js";

test("median and deciles lie between the values, in proportion", () => {
  expect(timingOf("step", [5, 1, 3, 2, 4])).toEqual({
    name: "step",
    milliseconds: 3,
    spread: [1.4, 4.6],
    rounds: 5,
    each: [5, 1, 3, 2, 4],
  });
  expect(timingOf("step", [7])).toMatchObject({ milliseconds: 7, spread: [7, 7] });
});

/** A clock, and subjects that take some of its time; the very first run takes a hundred times as long. */
function timed() {
  const clock = { now: 0 };
  const order: string[] = [];
  const subject = (name: string, takes: number) => ({
    name,
    run: async (times: number) => {
      clock.now += (order.length === 0 ? 100 : 1) * takes * times;
      order.push(name.repeat(times));
      return undefined;
    },
  });
  return { order, subject, now: () => clock.now };
}

test("subjects take turns, and the first round does not count", async () => {
  const { order, subject, now } = timed();
  const own = { name: "own clock", run: async () => 42 };
  const timings = await interleaved([subject("a", 1), subject("b", 2), own], { rounds: 3, turn: 0, now });
  expect(order).toEqual(["a", "b", "a", "b", "a", "b", "a", "b"]);
  expect(timings.map(({ milliseconds, rounds }) => [milliseconds, rounds])).toEqual([
    [1, 3],
    [2, 3],
    [42, 3],
  ]);
});

test("a turn lasts its time: what is short is done several times before it is waited for, and the mean counts", async () => {
  const { order, subject, now } = timed();
  const timings = await interleaved([subject("a", 7), subject("b", 2)], { rounds: 2, turn: 5, now });
  expect(order).toEqual(["a", "b", "b", "a", "bbb", "a", "bbb"]);
  expect(timings.map(({ each }) => each)).toEqual([
    [7, 7],
    [2, 2],
  ]);
});

test("a ratio is taken round by round: a slow phase of the machine that meets both does not count", () => {
  const ours = timingOf("ours", [1, 10, 1]);
  expect(speedRatio(ours, timingOf("other", [4, 40, 4]))).toEqual({ median: 4, spread: [4, 4] });
  const { median, spread } = speedRatio(ours, timingOf("other", [2, 30, 4]));
  expect(median).toBe(3);
  expect(spread[0]).toBeCloseTo(2.2);
  expect(spread[1]).toBeCloseTo(3.8);
});

describe("against earlier timings", () => {
  const timing = (name: string, milliseconds: number): Timing => ({
    name,
    milliseconds,
    rounds: 9,
    each: [],
    spread: [milliseconds * 0.9, milliseconds * 1.1],
  });
  test("a change within the spreads is noise, one beyond is not, and what is new has none", () => {
    const before = [timing("within", 100), timing("slower", 100), timing("faster", 100), timing("gone", 1)];
    const after = [timing("within", 115), timing("slower", 130), timing("faster", 50), timing("new", 1)];
    expect(changes(before, after)).toEqual([
      { name: "within", ratio: 1.15, slower: false },
      { name: "slower", ratio: 1.3, slower: true },
      { name: "faster", ratio: 0.5, slower: false },
    ]);
  });

  test("a few hundredths are noise, however narrow the spreads", () => {
    const narrow = (milliseconds: number): Timing => timingOf("step", [milliseconds, milliseconds]);
    expect(changes([narrow(100)], [narrow(102)])).toEqual([{ name: "step", ratio: 1.02, slower: false }]);
    expect(changes([narrow(100)], [narrow(104)])).toEqual([{ name: "step", ratio: 1.04, slower: true }]);
  });
});
