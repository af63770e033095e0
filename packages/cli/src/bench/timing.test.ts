import { describe, expect, test } from "vitest";
import { changes, interleaved, type Timing, timingOf } from "./timing.js";

test("median and deciles lie between the values, in proportion", () => {
  expect(timingOf("step", [5, 1, 3, 2, 4])).toEqual({ name: "step", milliseconds: 3, spread: [1.4, 4.6], rounds: 5 });
  expect(timingOf("step", [7])).toMatchObject({ milliseconds: 7, spread: [7, 7] });
});

test("subjects take turns, and the first round does not count", async () => {
  let clock = 0;
  const order: string[] = [];
  const subject = (name: string, takes: number) => ({
    name,
    run: async () => {
      order.push(name);
      // The first of all is slow: things are compiled then.
      clock += order.length <= 2 ? 100 * takes : takes;
      return undefined;
    },
  });
  const own = { name: "own clock", run: async () => 42 };
  const timings = await interleaved([subject("a", 1), subject("b", 2), own], 3, () => clock);
  expect(order.join("")).toBe("abababab");
  expect(timings.map(({ milliseconds, rounds }) => [milliseconds, rounds])).toEqual([
    [1, 3],
    [2, 3],
    [42, 3],
  ]);
});

describe("against earlier timings", () => {
  const timing = (name: string, milliseconds: number): Timing => ({
    name,
    milliseconds,
    spread: [milliseconds * 0.9, milliseconds * 1.1],
    rounds: 9,
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
});
