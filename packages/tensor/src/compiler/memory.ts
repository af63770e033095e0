import { philox4x32 } from "@lobule/kernels-wgsl";

/** A tensor's lifetime: from the call that makes it to the last that reads it. */
export interface Lifetime<T> {
  readonly item: T;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
  /** The calls that read it and do not write it. */
  readonly reads: readonly number[];
  readonly writes: readonly number[];
}

/** What is allocated for a tensor. */
export interface Allocation {
  readonly buffer: number;
  readonly offset: number;
}

/** Reusable buffers, and which part of which of them each tensor gets. */
export interface MemoryPlan<T> {
  readonly bufferBytes: readonly number[];
  readonly allocations: ReadonlyMap<T, Allocation>;
  /** Peak live memory: the most bytes that are live at a time; no plan can need less. */
  readonly liveMinimum: number;
}

/** Bindings begin at multiples of so many bytes. */
const alignment = 256;

/** A plan that takes so many times the live minimum is good enough. */
const wasteAllowed = 1.01;

/** Orders tried until then: so many times anew from largest to smallest, each changed step by step so many times. */
const search = { starts: 10, steps: 200 };

/** Two tensors may take the same bytes, share a buffer, or need a buffer each. */
const relation = { none: 0, together: 1, clash: 2 } as const;

/**
 * Allocates memory such that no two tensors whose lifetimes overlap share bytes. Buffers and not offsets into one slab,
 * because a call cannot bind a buffer for writing and for something else: tensors between which there is such a call
 * are never in the same buffer while both are live, others may be. No buffer is larger than the largest tensor.
 *
 * Tensors get their memory one by one, each where that costs the fewest bytes, first from largest to smallest. Then, while
 * more than a hundredth is wasted, the order is changed by moving one of the larger tensors, and changes that do not
 * cost memory are kept; the same list gives the same plan.
 *
 * Source: Pisarchyk and Lee 2020, "Efficient memory management for deep neural net inference", greedy by size.
 */
export function planMemory<T>(lifetimes: readonly Lifetime<T>[]): MemoryPlan<T> {
  const liveMinimum = peakLive(lifetimes);
  const relations = relationsOf(lifetimes);
  const bySize = lifetimes.map((_, index) => index);
  bySize.sort((a, b) => bytesOf(b) - bytesOf(a) || a - b);
  const large = bySize.filter((index) => bytesOf(index) > liveMinimum / 300).length;
  function bytesOf(index: number): number {
    return (lifetimes[index] as Lifetime<T>).bytes;
  }
  const greedy = place(lifetimes, relations, bySize);
  let best = greedy;
  for (let start = 0; start < search.starts; start++) {
    let order = bySize;
    let plan = greedy;
    for (let step = 0; step < search.steps; step++) {
      if (best.total <= wasteAllowed * liveMinimum) break;
      const [from, to] = philox4x32([step, start, 0, 0], [0, 0]);
      const changed = [...order];
      changed.splice(to % large, 0, ...changed.splice(from % large, 1));
      const next = place(lifetimes, relations, changed);
      if (next.total <= plan.total) [order, plan] = [changed, next];
      if (next.total < best.total) best = next;
    }
  }
  const allocations = new Map(lifetimes.map(({ item }, index) => [item, best.places[index] as Allocation]));
  return { bufferBytes: best.bufferBytes, allocations, liveMinimum };
}

interface Placed {
  readonly bufferBytes: readonly number[];
  readonly total: number;
  /** By index of the lifetime. */
  readonly places: readonly Allocation[];
}

/** @param order indices of lifetimes, in which they get their memory. */
function place<T>(lifetimes: readonly Lifetime<T>[], relations: Uint8Array, order: readonly number[]): Placed {
  const largest = lifetimes.reduce((most, { bytes }) => Math.max(most, bytes), 0);
  const buffers: { bytes: number; readonly users: { index: number; offset: number; end: number }[] }[] = [];
  const places: Allocation[] = [];
  for (const index of order) {
    const { bytes } = lifetimes[index] as Lifetime<T>;
    let best = { growth: bytes, slack: 0, buffer: -1, offset: 0 };
    buffers.forEach((each, buffer) => {
      let offset = 0;
      let found = false;
      // In the order of their offsets; all of them, because any may clash.
      for (const user of each.users) {
        const how = relations[index * lifetimes.length + user.index];
        if (how === relation.clash) return;
        if (how === relation.none || found) continue;
        if (offset + bytes <= user.offset) found = true;
        else offset = Math.max(offset, user.end);
      }
      const growth = Math.max(0, offset + bytes - each.bytes);
      const slack = each.bytes - offset - bytes;
      if (growth > 0 && offset + bytes > largest) return;
      if (growth < best.growth || (growth === best.growth && best.buffer >= 0 && slack < best.slack)) {
        best = { growth, slack, buffer, offset };
      }
    });
    const { offset } = best;
    const buffer = best.buffer < 0 ? buffers.push({ bytes: 0, users: [] }) - 1 : best.buffer;
    const chosen = buffers[buffer] as (typeof buffers)[number];
    chosen.bytes = Math.max(chosen.bytes, offset + bytes);
    const before = chosen.users.findIndex((user) => user.offset > offset);
    const end = Math.ceil((offset + bytes) / alignment) * alignment;
    chosen.users.splice(before < 0 ? chosen.users.length : before, 0, { index, offset, end });
    places[index] = { buffer, offset };
  }
  const bufferBytes = buffers.map(({ bytes }) => bytes);
  return { bufferBytes, places, total: bufferBytes.reduce((sum, bytes) => sum + bytes, 0) };
}

/** The relation of each two of them: a square matrix by index. */
function relationsOf<T>(lifetimes: readonly Lifetime<T>[]): Uint8Array {
  const count = lifetimes.length;
  const uses = lifetimes.map(({ reads, writes }) => new Set([...reads, ...writes]));
  const writesInto = (a: number, b: number): boolean =>
    (lifetimes[a] as Lifetime<T>).writes.some((call) => (uses[b] as Set<number>).has(call));
  const relations = new Uint8Array(count * count);
  lifetimes.forEach((a, i) => {
    lifetimes.forEach((b, j) => {
      if (a.last < b.first || a.first > b.last) return;
      relations[i * count + j] = writesInto(i, j) || writesInto(j, i) ? relation.clash : relation.together;
    });
  });
  return relations;
}

function peakLive<T>(lifetimes: readonly Lifetime<T>[]): number {
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
