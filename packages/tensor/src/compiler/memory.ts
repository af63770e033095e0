/** A tensor's need for memory: from the call that makes it to the last that reads it. */
export interface Lifetime<T> {
  readonly item: T;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/** Reusable buffers, and which of them each tensor gets. */
export interface MemoryPlan<T> {
  readonly bufferBytes: readonly number[];
  readonly bufferOf: ReadonlyMap<T, number>;
  /** The most that is alive at once: no plan can need less. */
  readonly liveMinimum: number;
}

/**
 * Gives each tensor a buffer such that no two that are alive together share one: largest first, each into the smallest
 * buffer that is free over its whole life. Buffers and not offsets into one slab, because the GPU's hazard tracking is
 * by buffer.
 *
 * Source: Pisarchyk and Lee 2020, "Efficient memory management for deep neural net inference", greedy by size for
 * shared objects.
 */
export function planMemory<T>(lifetimes: readonly Lifetime<T>[]): MemoryPlan<T> {
  const order = lifetimes.map((lifetime, index) => ({ lifetime, index }));
  order.sort((a, b) => b.lifetime.bytes - a.lifetime.bytes || a.index - b.index);
  const buffers: { bytes: number; users: Lifetime<T>[] }[] = [];
  const bufferOf = new Map<T, number>();
  for (const { lifetime } of order) {
    const free = (buffer: { users: Lifetime<T>[] }): boolean =>
      buffer.users.every((user) => user.last < lifetime.first || user.first > lifetime.last);
    // Largest first means that every buffer is large enough; the last made is the smallest.
    let chosen = buffers.findLastIndex(free);
    if (chosen < 0) chosen = buffers.push({ bytes: lifetime.bytes, users: [] }) - 1;
    buffers[chosen]?.users.push(lifetime);
    bufferOf.set(lifetime.item, chosen);
  }
  const events = new Map<number, number>();
  for (const { bytes, first, last } of lifetimes) {
    events.set(first, (events.get(first) ?? 0) + bytes);
    events.set(last + 1, (events.get(last + 1) ?? 0) - bytes);
  }
  let live = 0;
  let liveMinimum = 0;
  for (const [, change] of [...events].sort(([a], [b]) => a - b)) {
    live += change;
    liveMinimum = Math.max(liveMinimum, live);
  }
  return { bufferBytes: buffers.map((buffer) => buffer.bytes), bufferOf, liveMinimum };
}
