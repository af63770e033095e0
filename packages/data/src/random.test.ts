import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fillNormal, randomUint32, shuffled, uniform, uniformStream } from "./random.js";

const key = fc.array(fc.oneof(fc.maxSafeNat(), fc.string()), { maxLength: 4 });

describe("random numbers by key", () => {
  it("depend on the seed and every part of the key", () => {
    const numbers = [
      randomUint32(0),
      randomUint32(1),
      randomUint32(2 ** 32),
      randomUint32(0, 0),
      randomUint32(0, 0, 0),
      randomUint32(0, 1),
      randomUint32(0, 2 ** 32),
      randomUint32(0, "1"),
      randomUint32(0, "a", "b"),
      randomUint32(0, "ab"),
      randomUint32(0, "b", "a"),
      randomUint32(0, ""),
    ];
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it("do not depend on what else was drawn", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), key, key, (seed, mine, other) => {
        const before = uniform(seed, ...mine);
        uniform(seed, ...other);
        const stream = uniformStream(seed, ...mine);
        expect([uniform(seed, ...mine), stream()]).toEqual([before, before]);
      }),
    );
  });

  it("lie in [0, 1), evenly", () => {
    const tenths = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) {
      const tenth = Math.floor(uniform(7, "even", i) * 10);
      tenths[tenth] = (tenths[tenth] ?? NaN) + 1;
    }
    for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(4 * Math.sqrt(900));
  });

  it.each([-1, 0.5, NaN, 2 ** 53])("refuse %d as a seed", (seed) => {
    expect(() => uniform(seed)).toThrow(RangeError);
  });
});

describe("fillNormal", () => {
  it("has mean 0, variance 1 and no correlation of neighbors", () => {
    const values = new Float32Array(20_001);
    fillNormal(values, 3, "noise");
    const n = values.length;
    const mean = values.reduce((sum, value) => sum + value, 0) / n;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n;
    const neighbors = values.reduce((sum, value, i) => sum + value * (values[i + 1] ?? 0), 0) / n;
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
    expect(Math.abs(neighbors)).toBeLessThan(4 / Math.sqrt(n));
    expect(values.at(-1)).not.toBe(0);
  });
});

describe("shuffled", () => {
  it("holds every item once and leaves its input as it was", () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), fc.maxSafeNat(), (items, seed) => {
        const copy = [...items];
        expect(shuffled(items, seed, "epoch", 1).sort()).toEqual([...items].sort());
        expect(items).toEqual(copy);
      }),
    );
  });

  it("gives each epoch its own order and the same epoch the same", () => {
    const items = Array.from({ length: 50 }, (_, i) => i);
    expect(shuffled(items, 1, "epoch", 4)).toEqual(shuffled(items, 1, "epoch", 4));
    expect(shuffled(items, 1, "epoch", 4)).not.toEqual(shuffled(items, 1, "epoch", 5));
    expect(shuffled(items, 1, "epoch", 4)).not.toEqual(shuffled(items, 2, "epoch", 4));
  });

  it("gives every order of three items about equally often", () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 6000; seed++) {
      const order = shuffled(["a", "b", "c"], seed).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(4 * Math.sqrt(833));
  });
});
