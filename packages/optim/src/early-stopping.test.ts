import { expect, test } from "vitest";
import { EarlyStopping } from "./early-stopping.js";

test("stops after patience epochs without improvement", () => {
  const stopping = new EarlyStopping({ patience: 2 });
  expect([3, 2, 2, 1, 1, 1].map((value) => stopping.step(value))).toEqual([false, false, false, false, false, true]);
});

test("an improvement must exceed the minimum, and NaN is none", () => {
  const stopping = new EarlyStopping({ patience: 2, minimumDelta: 0.1, mode: "max" });
  expect([0.5, 0.6, Number.NaN].map((value) => stopping.step(value))).toEqual([false, false, true]);
});

test("a restored one continues as if it had not stopped", () => {
  const first = new EarlyStopping({ patience: 2 });
  first.step(1);
  first.step(1);
  const second = new EarlyStopping({ patience: 2 });
  second.restore(JSON.parse(JSON.stringify(first.state())));
  expect(second.step(1)).toBe(true);
});

test("patience must be a whole number", () => {
  expect(() => new EarlyStopping({ patience: 0 })).toThrow("patience must be a whole number of at least 1, got 0");
});
