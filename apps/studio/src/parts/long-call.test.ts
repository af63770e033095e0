import { expect, test } from "vitest";
import { longCall, signalOf, type Watcher } from "./long-call.js";

test("progress is told until there is a result, and what is delivered after it is dropped", async () => {
  const told: number[] = [];
  let kept: Watcher<number> | undefined;
  const call = async (watcher: Watcher<number>): Promise<string> => {
    kept = watcher;
    watcher.progress(1);
    return "result";
  };
  expect(await longCall(new AbortController().signal, (now: number) => told.push(now), call)).toBe("result");
  kept?.progress(2);
  expect(told).toEqual([1]);
});

test("also after a call that failed", async () => {
  const told: number[] = [];
  let kept: Watcher<number> | undefined;
  const call = async (watcher: Watcher<number>): Promise<never> => {
    kept = watcher;
    throw new Error("broken");
  };
  await expect(longCall(new AbortController().signal, (now: number) => told.push(now), call)).rejects.toThrow("broken");
  kept?.progress(1);
  expect(told).toEqual([]);
});

test("the page ends a call by its signal", async () => {
  const controller = new AbortController();
  const ended = longCall(
    controller.signal,
    () => undefined,
    async (watcher: Watcher<never>) => {
      const signal = signalOf(watcher);
      controller.abort();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      signal.throwIfAborted();
    },
  );
  await expect(ended).rejects.toThrow("cancelled");
});
