import { allocateSliceBatch, type SliceBatch } from "./slice-batch.js";
import type { SliceCache, SliceKey } from "./slice-cache.js";
import type { StoredFor } from "./store-slice.js";

/** A batch with what is in it. */
export interface ReadBatch<Key extends SliceKey = SliceKey> {
  readonly keys: readonly Key[];
  readonly batch: SliceBatch;
}

/** How batches are read ahead. */
export interface BatchReaderOptions {
  /** What each channel of the slices is stored for; see storeSlice. */
  readonly storedFor: readonly StoredFor[];
  /** Batches in memory, the one in use included; 3 by default. */
  readonly ahead?: number;
  /** Milliseconds; tells how long was waited. */
  readonly now?: () => number;
  /** What is read for a slice, as many for each: itself by default. */
  readonly expand?: (key: SliceKey) => readonly SliceKey[];
}

/** Reads batches ahead, in order, with a bounded number of them in memory. */
export class BatchReader<Key extends SliceKey = SliceKey> {
  /** Seconds that `next` had to wait for the disk. */
  waitedSeconds = 0;
  private readonly waiting: Promise<ReadBatch<Key>>[] = [];
  private readonly free: SliceBatch[];
  private upcoming: number = 0;

  constructor(
    private readonly cache: Pick<SliceCache, "read" | "slotPixels" | "channels">,
    private readonly batches: readonly (readonly Key[])[],
    private readonly options: BatchReaderOptions,
  ) {
    const [some] = batches.find(({ length }) => length > 0) ?? [];
    const each = some === undefined ? 1 : (options.expand?.(some).length ?? 1);
    const largest = each * Math.max(0, ...batches.map(({ length }) => length));
    const count = Math.min(options.ahead ?? 3, batches.length);
    this.free = Array.from({ length: count }, () => allocateSliceBatch(cache, largest));
    this.readAhead();
  }

  /** The next batch, undefined after the last one. {@link release} it when it has been used. @throws as SliceCache.read. */
  async next(): Promise<ReadBatch<Key> | undefined> {
    const { now } = this.options;
    const first = this.waiting.shift();
    if (first === undefined) {
      if (this.upcoming < this.batches.length) throw new RangeError("BatchReader: release a batch before the next one");
      return undefined;
    }
    const started = now?.() ?? 0;
    const result = await first;
    this.waitedSeconds += ((now?.() ?? 0) - started) / 1000;
    return result;
  }

  /** Gives a batch's memory back, to be read into again. */
  release(batch: SliceBatch): void {
    this.free.push(batch);
    this.readAhead();
  }

  /** Waits for what is being read; nothing is read after this. */
  async close(): Promise<void> {
    this.upcoming = this.batches.length;
    await Promise.allSettled(this.waiting);
  }

  private readAhead(): void {
    while (this.upcoming < this.batches.length) {
      const batch = this.free.pop();
      if (batch === undefined) return;
      const keys = this.batches[this.upcoming++] ?? [];
      const { expand, storedFor } = this.options;
      const read = this.cache
        .read(expand === undefined ? keys : keys.flatMap(expand), batch, storedFor)
        .then(() => ({ keys, batch }));
      // An error is thrown by `next`, when its turn comes; until then it is not unhandled.
      read.catch(() => undefined);
      this.waiting.push(read);
    }
  }
}
