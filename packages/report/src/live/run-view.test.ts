import { describe, expect, test } from "vitest";
import type { RunEvent } from "./run-event.js";
import { emptyView, viewAfter } from "./run-view.js";

const steps = (first: number, count: number): RunEvent => ({
  kind: "steps",
  steps: Array.from({ length: count }, (_, i) => ({ step: first + i, loss: 1, learningRate: 1e-3, dice: [1, 0] })),
});
const after = (...events: readonly RunEvent[]) => events.reduce(viewAfter, emptyView);

describe("what is shown of a run", () => {
  test("follows what it does", () => {
    expect(emptyView.state).toEqual({ doing: "preparing", done: 0, total: 0 });
    expect(after({ kind: "decoded", done: 2, total: 5, name: "a" }).state).toMatchObject({ done: 2, total: 5 });
    expect(after(steps(1, 3)).state).toEqual({ doing: "training" });
    expect(after(steps(1, 3), { kind: "validating", done: 1, total: 2 }).state).toMatchObject({ doing: "validating" });
    expect(after({ kind: "ended", status: "interrupted" }).state).toEqual({ doing: "nothing", ended: "interrupted" });
  });

  test("has each step in rising order, and of very many some that are spread over all and the newest", () => {
    const view = after(...Array.from({ length: 100 }, (_, i) => steps(1 + 100 * i, 100)));
    expect(view.steps.length).toBeLessThanOrEqual(4000);
    expect(view.steps.length).toBeGreaterThan(2000);
    const numbers = view.steps.map(({ step }) => step);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(numbers.at(-1)).toBe(10_000);
    expect(numbers[0]).toBe(1);
  });

  test("keeps the most memory that was seen", () => {
    const pace = { epoch: 0, step: 1, steps: 2, slicesPerSecond: 1, waitedShare: 0, secondsLeft: 1 };
    const seen = [5, 9, 3].map((liveBytes): RunEvent => ({ kind: "pace", pace: { ...pace, liveBytes } }));
    expect(after(...seen)).toMatchObject({ mostLiveBytes: 9, pace: { liveBytes: 3 } });
  });
});
