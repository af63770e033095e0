import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Allocation, type Lifetime, planMemory } from "./memory.js";

const lifetime = (item: string, bytes: number, first: number, last: number): Lifetime<string> => ({
  item,
  bytes,
  first,
  last,
  reads: Array.from({ length: last - first }, (_, i) => first + 1 + i),
  writes: [first],
});

describe("planMemory", () => {
  test("tensors that follow each other share a buffer", () => {
    const plan = planMemory([lifetime("a", 100, 0, 1), lifetime("b", 100, 2, 3), lifetime("c", 50, 1, 2)]);
    expect(plan.bufferBytes).toEqual([100, 50]);
    expect(plan.allocations.get("a")).toEqual(plan.allocations.get("b"));
    expect(plan.liveMinimum).toBe(150);
  });

  test("what one call reads and the next value it writes never share", () => {
    const plan = planMemory([lifetime("read", 8, 0, 1), lifetime("written", 8, 1, 2)]);
    expect(plan.allocations.get("read")?.buffer).not.toBe(plan.allocations.get("written")?.buffer);
  });

  const lifetimes = fc.array(
    fc.record({
      bytes: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.constantFrom(512, 1024, 4096)),
      first: fc.nat(30),
      length: fc.nat(10),
      every: fc.integer({ min: 1, max: 10 }),
    }),
    { maxLength: 40 },
  );
  test("no two that are alive together share a byte or clash, every buffer is large enough, none below the live minimum", () => {
    fc.assert(
      fc.property(lifetimes, (list) => {
        const all = list.map(({ bytes, first, length, every }, i) => {
          const whole = lifetime(String(i), bytes, first, first + length);
          return { ...whole, reads: whole.reads.filter((call) => (whole.last - call) % every === 0) };
        });
        const plan = planMemory(all);
        const allocations = ({ item }: Lifetime<string>) => plan.allocations.get(item) as Allocation;
        for (const a of all) {
          const at = allocations(a);
          expect(plan.bufferBytes[at.buffer]).toBeGreaterThanOrEqual(at.offset + a.bytes);
          expect(at.offset % 256).toBe(0);
          for (const b of all) {
            const other = allocations(b);
            if (a === b || at.buffer !== other.buffer || a.first > b.last || b.first > a.last) continue;
            expect(at.offset + a.bytes <= other.offset || other.offset + b.bytes <= at.offset).toBe(true);
            expect(a.writes.some((call) => b.reads.includes(call) || b.writes.includes(call))).toBe(false);
          }
        }
        expect(plan.bufferBytes.reduce((x, y) => x + y, 0)).toBeGreaterThanOrEqual(plan.liveMinimum);
        const largest = Math.max(0, ...all.map(({ bytes }) => bytes));
        for (const bytes of plan.bufferBytes) expect(bytes).toBeLessThanOrEqual(largest);
      }),
    );
  });

  test("small tensors share a large buffer side by side, but not where one call would write and read it", () => {
    const large = lifetime("large", 1024, 0, 1);
    const quiet = { ...lifetime("quiet", 512, 2, 9), reads: [9] };
    const other = { ...lifetime("other", 512, 4, 8), reads: [8] };
    expect(planMemory([large, quiet, other]).bufferBytes).toEqual([1024]);
    expect(planMemory([large, { ...quiet, reads: [4, 9] }, other]).bufferBytes).toEqual([1024, 512]);
  });

  test("a gap in a buffer is of no use where something further on would be bound by the same call", () => {
    const large = lifetime("large", 3072, 0, 0);
    const early = { ...lifetime("early", 1024, 2, 4), reads: [4] };
    const middle = { ...lifetime("middle", 1024, 3, 9), reads: [9] };
    const last = { ...lifetime("last", 1024, 1, 8), reads: [6, 8] };
    const made = { ...lifetime("made of last", 1024, 6, 10), reads: [10] };
    expect(planMemory([large, early, middle, last]).bufferBytes).toEqual([3072]);
    expect(planMemory([large, early, middle, last, made]).bufferBytes).toEqual([3072, 1024]);
  });
});
