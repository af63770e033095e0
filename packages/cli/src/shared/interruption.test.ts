import { afterEach, describe, expect, test, vi } from "vitest";
import { Interrupted, interruptible } from "./interruption.js";

const words = { stopping: "stopping after this slice", stopped: "interrupted; nothing was written" };

describe("Ctrl-C", () => {
  const said: string[] = [];
  vi.spyOn(console, "error").mockImplementation((line: string) => void said.push(line));
  afterEach(() => {
    said.length = 0;
  });

  test("asks the work to stop, says so, and is the reason of its end", async () => {
    const working = interruptible(words, async (signal) => {
      process.emit("SIGINT");
      signal.throwIfAborted();
    });
    await expect(working).rejects.toThrow(new Interrupted("interrupted; nothing was written"));
    expect(said).toEqual(["\nstopping after this slice; once more to stop at once"]);
  });

  test("lets work that can be brought to an end say how it ended", async () => {
    const working = interruptible(words, async (signal) => {
      process.emit("SIGTERM");
      return signal.aborted ? "saved" : "done";
    });
    expect(await working).toBe("saved");
  });

  test("is left alone before and after", async () => {
    const count = (): number => process.listenerCount("SIGINT");
    const before = count();
    await interruptible(words, async () => expect(count()).toBe(before + 1));
    expect(count()).toBe(before);
  });
});
