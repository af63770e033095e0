import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BatchReader } from "./batch-reader.js";
import type { SliceBatch } from "./slice-batch.js";
import type { SliceKey } from "./slice-cache.js";

const storedFor = [{ window: [0, 1] as const }];
const key = (number: number): SliceKey => ({ case: number, slice: 0 });

/** A cache whose slices hold their case's number; counts the batches that are being read or in use. */
function fakeCache(delays: readonly number[] = []) {
  const state = { reads: 0, memory: new Set<SliceBatch>() };
  return {
    state,
    slotPixels: 4,
    channels: 1,
    async read(keys: readonly SliceKey[], into: SliceBatch): Promise<void> {
      const delay = delays[state.reads++] ?? 0;
      state.memory.add(into);
      for (let i = 0; i < delay; i++) await Promise.resolve();
      if (keys.some((each) => each.case < 0)) throw new Error("damaged");
      keys.forEach((each, n) => {
        into.pixels[2 * n] = each.case;
      });
    },
  };
}

async function all(reader: BatchReader): Promise<number[][]> {
  const found: number[][] = [];
  for (let next = await reader.next(); next !== undefined; next = await reader.next()) {
    const { keys, batch } = next;
    found.push(keys.map((_, n) => batch.pixels[2 * n] ?? -1));
    reader.release(batch);
  }
  return found;
}

describe("BatchReader", () => {
  test("gives all batches in order, with no more memory than it may use", async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 4 }), fc.array(fc.nat(5)), async (lengths, ahead, delays) => {
        let next = 0;
        const batches = lengths.map((length) => Array.from({ length }, () => key(next++)));
        const cache = fakeCache(delays);
        const found = await all(new BatchReader(cache, batches, { storedFor, ahead }));
        expect(found).toEqual(batches.map((batch) => batch.map((each) => each.case)));
        expect(cache.state.memory.size).toBeLessThanOrEqual(ahead);
      }),
    );
  });

  test("reads ahead before it is asked, and stops when it is closed", async () => {
    const cache = fakeCache();
    const reader = new BatchReader(cache, [[key(0)], [key(1)], [key(2)], [key(3)]], { storedFor, ahead: 2 });
    expect(cache.state.reads).toBe(2);
    await reader.close();
    expect(cache.state.reads).toBe(2);
  });

  test("tells how long was waited, by the clock that it is given", async () => {
    let milliseconds = 0;
    const reader = new BatchReader(fakeCache(), [[key(0)], [key(1)]], { storedFor, now: () => (milliseconds += 250) });
    await all(reader);
    expect(reader.waitedSeconds).toBe(0.5);
  });

  test("an error comes when its batch's turn does", async () => {
    const reader = new BatchReader(fakeCache(), [[key(0)], [key(-1)], [key(2)]], { storedFor, ahead: 3 });
    const first = await reader.next();
    expect(first?.keys).toEqual([key(0)]);
    await expect(reader.next()).rejects.toThrow("damaged");
    await reader.close();
  });

  test("asked for more than is in memory, it says so", async () => {
    const reader = new BatchReader(fakeCache(), [[key(0)], [key(1)]], { storedFor, ahead: 1 });
    await reader.next();
    await expect(reader.next()).rejects.toThrow(/release a batch/);
  });
});
