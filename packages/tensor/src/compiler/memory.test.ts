import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Lifetime, planMemory } from "./memory.js";

const lifetime = (item: string, bytes: number, first: number, last: number): Lifetime<string> => ({
  item,
  bytes,
  first,
  last,
});

describe("planMemory", () => {
  test("tensors that follow each other share a buffer", () => {
    const plan = planMemory([lifetime("a", 100, 0, 1), lifetime("b", 100, 2, 3), lifetime("c", 50, 1, 2)]);
    expect(plan.bufferBytes).toEqual([100, 50]);
    expect(plan.bufferOf.get("a")).toBe(plan.bufferOf.get("b"));
    expect(plan.liveMinimum).toBe(150);
  });

  test("what one call reads and the next value it writes never share", () => {
    const plan = planMemory([lifetime("read", 8, 0, 1), lifetime("written", 8, 1, 2)]);
    expect(plan.bufferOf.get("read")).not.toBe(plan.bufferOf.get("written"));
  });

  const lifetimes = fc.array(
    fc.record({ bytes: fc.integer({ min: 1, max: 1000 }), first: fc.nat(30), length: fc.nat(10) }),
    { maxLength: 40 },
  );
  test("no two that are alive together share, every buffer is large enough, none below the live minimum", () => {
    fc.assert(
      fc.property(lifetimes, (list) => {
        const all = list.map(({ bytes, first, length }, i) => lifetime(String(i), bytes, first, first + length));
        const plan = planMemory(all);
        for (const a of all) {
          const buffer = plan.bufferOf.get(a.item) as number;
          expect(plan.bufferBytes[buffer]).toBeGreaterThanOrEqual(a.bytes);
          for (const b of all) {
            if (a !== b && a.first <= b.last && b.first <= a.last) expect(plan.bufferOf.get(b.item)).not.toBe(buffer);
          }
        }
        expect(plan.bufferBytes.reduce((x, y) => x + y, 0)).toBeGreaterThanOrEqual(plan.liveMinimum);
      }),
    );
  });
});
