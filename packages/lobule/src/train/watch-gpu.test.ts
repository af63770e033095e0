import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { patienceOf, watchGpu } from "./watch-gpu.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A queue whose work takes so many milliseconds. */
const taking = (milliseconds: number) => ({
  onSubmittedWorkDone: () => new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), milliseconds)),
});

test.each([
  [600, 10],
  [2, 0.2],
])("a GPU that does not finish in %d s hangs, once, at most %d s later", async (patience, late) => {
  const onHang = vi.fn();
  watchGpu({ onSubmittedWorkDone: () => new Promise(() => undefined) }, patience, onHang);
  await vi.advanceTimersByTimeAsync(1000 * patience);
  expect(onHang).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1000 * late);
  await vi.advanceTimersByTimeAsync(10_000 * patience);
  expect(onHang).toHaveBeenCalledOnce();
});

test("one whose work takes nearly as long does not, nor one that is not watched any more", async () => {
  const onHang = vi.fn();
  const end = watchGpu(taking(9000), 10, onHang);
  await vi.advanceTimersByTimeAsync(100_000);
  end();
  watchGpu(taking(1e9), 10, onHang)();
  await vi.advanceTimersByTimeAsync(100_000);
  expect(onHang).not.toHaveBeenCalled();
});

test("how long that is can be chosen", () => {
  expect(patienceOf({})).toBe(1800);
  expect(patienceOf({ LOBULE_PATIENCE: "90" })).toBe(90);
  for (const asked of ["0", "-1", "soon", "Infinity"]) {
    expect(() => patienceOf({ LOBULE_PATIENCE: asked })).toThrow(`LOBULE_PATIENCE is '${asked}'`);
  }
});
