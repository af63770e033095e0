import { expect, test } from "vitest";
import { Silence } from "./silence.js";

/** Looks from `from` on every 20 ms; when there was too long a silence. */
function tooLong(silence: Silence, from: number): number {
  let now = from;
  while (!silence.look(now, false)) now += 20;
  return now;
}

test("a silence is too long when the patience is over", () => {
  const silence = new Silence(20_000, 0);
  expect(tooLong(silence, 20)).toBe(20_020);
  expect(silence.look(20_040, true)).toBe(false);
  expect(tooLong(silence, 20_060)).toBe(40_060);
});

test("a machine that was suspended for an hour, or is so busy that looks come late, has heard nothing and concludes nothing", () => {
  const hour = 3_600_000;
  const silence = new Silence(20_000, 0);
  expect(silence.look(hour, false)).toBe(false);
  expect(tooLong(silence, hour + 20)).toBe(hour + 19_020);
});
