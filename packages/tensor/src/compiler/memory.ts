/** A tensor's need for memory: from the call that makes it to the last that reads it. */
export interface Lifetime<T> {
  readonly item: T;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
  /** The calls that read it and do not write it. */
  readonly reads: readonly number[];
  readonly writes: readonly number[];
}

/** Where a tensor lies. */
export interface BufferPlace {
  readonly buffer: number;
  readonly offset: number;
}

/** Reusable buffers, and which part of which of them each tensor gets. */
export interface MemoryPlan<T> {
  readonly bufferBytes: readonly number[];
  readonly placeOf: ReadonlyMap<T, BufferPlace>;
  /** The most that is alive at once: no plan can need less. */
  readonly liveMinimum: number;
}

/** Bindings begin at multiples of so many bytes. */
const alignment = 256;

/** Whole buffers may take so many times the live minimum before tensors share them side by side. */
const wasteAllowed = 1.1;

/**
 * Gives each tensor memory such that no two that are alive together share any: largest first, each into the smallest
 * buffer that is free over its whole life. Buffers and not offsets into one slab, because the GPU's hazard tracking is
 * by buffer. Where that wastes more than a tenth, small tensors may lie side by side in a large buffer, unless a call
 * writes one and uses the other: it could not bind both.
 *
 * Source: Pisarchyk and Lee 2020, "Efficient memory management for deep neural net inference", greedy by size for
 * shared objects, and for offsets.
 */
export function planMemory<T>(lifetimes: readonly Lifetime<T>[]): MemoryPlan<T> {
  const liveMinimum = mostAlive(lifetimes);
  const longest = (a: Lifetime<T>, b: Lifetime<T>): number => b.last - b.first - (a.last - a.first);
  const plans = [false, true].flatMap((sideBySide) => [
    place(lifetimes, sideBySide, () => 0),
    place(lifetimes, sideBySide, longest),
  ]);
  const total = ({ bufferBytes }: { bufferBytes: readonly number[] }): number =>
    bufferBytes.reduce((sum, bytes) => sum + bytes, 0);
  const best = (candidates: readonly Placed<T>[]): Placed<T> =>
    candidates.reduce((a, b) => (total(b) < total(a) ? b : a));
  const whole = best(plans.slice(0, 2));
  return { ...(total(whole) <= wasteAllowed * liveMinimum ? whole : best(plans)), liveMinimum };
}

type Placed<T> = Omit<MemoryPlan<T>, "liveMinimum">;

/** @param tie orders tensors of the same size. */
function place<T>(
  lifetimes: readonly Lifetime<T>[],
  sideBySide: boolean,
  tie: (a: Lifetime<T>, b: Lifetime<T>) => number,
): Placed<T> {
  const order = lifetimes.map((lifetime, index) => ({ lifetime, index }));
  order.sort((a, b) => b.lifetime.bytes - a.lifetime.bytes || tie(a.lifetime, b.lifetime) || a.index - b.index);
  const buffers: { bytes: number; users: { lifetime: Lifetime<T>; offset: number }[] }[] = [];
  const placeOf = new Map<T, BufferPlace>();
  for (const { lifetime } of order) {
    // Largest first means that every buffer is large enough; the last made is the smallest.
    let buffer = buffers.length - 1;
    let offset: number | undefined;
    for (; buffer >= 0; buffer--) {
      const { bytes, users } = buffers[buffer] as (typeof buffers)[number];
      const together = users.filter(
        ({ lifetime: { first, last } }) => last >= lifetime.first && first <= lifetime.last,
      );
      if (together.length > 0 && (!sideBySide || together.some((user) => clash(user.lifetime, lifetime)))) continue;
      offset = gap(together, lifetime.bytes, bytes);
      if (offset !== undefined) break;
    }
    if (offset === undefined) {
      offset = 0;
      buffer = buffers.push({ bytes: lifetime.bytes, users: [] }) - 1;
    }
    buffers[buffer]?.users.push({ lifetime, offset });
    placeOf.set(lifetime.item, { buffer, offset });
  }
  return { bufferBytes: buffers.map(({ bytes }) => bytes), placeOf };
}

/** The first free offset between those that lie there, if there is one. */
function gap<T>(
  together: readonly { readonly lifetime: Lifetime<T>; readonly offset: number }[],
  bytes: number,
  size: number,
): number | undefined {
  let offset = 0;
  for (const each of [...together].sort((a, b) => a.offset - b.offset)) {
    if (offset + bytes <= each.offset) break;
    offset = Math.max(offset, Math.ceil((each.offset + each.lifetime.bytes) / alignment) * alignment);
  }
  return offset + bytes <= size ? offset : undefined;
}

/** Whether some call writes one and uses the other as well. */
function clash<T>(a: Lifetime<T>, b: Lifetime<T>): boolean {
  const uses = ({ reads, writes }: Lifetime<T>): readonly number[] => [...reads, ...writes];
  return a.writes.some((call) => uses(b).includes(call)) || b.writes.some((call) => uses(a).includes(call));
}

function mostAlive<T>(lifetimes: readonly Lifetime<T>[]): number {
  const events = new Map<number, number>();
  for (const { bytes, first, last } of lifetimes) {
    events.set(first, (events.get(first) ?? 0) + bytes);
    events.set(last + 1, (events.get(last + 1) ?? 0) - bytes);
  }
  let live = 0;
  let most = 0;
  for (const [, change] of [...events].sort(([a], [b]) => a - b)) {
    live += change;
    most = Math.max(most, live);
  }
  return most;
}
