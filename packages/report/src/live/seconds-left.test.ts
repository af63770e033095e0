import { describe, expect, test } from "vitest";
import { runSecondsLeft } from "./seconds-left.js";

describe("seconds left of a run", () => {
  const step = { epoch: 1, epochs: 5, step: 25, steps: 100, secondsLeft: 75 };

  test("are those of this epoch and as many of the others as the last one took, with its validation", () => {
    expect(runSecondsLeft(step, 130)).toBe(130 - 25 + 3 * 130);
  });
  test("are those of training alone before an epoch was seen", () => {
    expect(runSecondsLeft(step, undefined)).toBe(75 + 3 * 100);
  });
  test("are not known after the last step of the first epoch", () => {
    expect(runSecondsLeft({ ...step, step: 100, secondsLeft: 0 }, undefined)).toBeNaN();
  });
});
