import { inverted } from "@lobule/tensor";
import fc from "fast-check";
import { expect, test } from "vitest";
import { croppedMapping } from "./patch-crop.js";
import { oddPixelOf, plainMapping } from "./slice-sampling.js";

const preprocessing = { channels: [{ window: [-160, 240] }] as const, width: 8, height: 6, resample: false };
const seeds = fc.record({ seed: fc.nat(1000), epoch: fc.nat(9), sample: fc.nat(99) });

test("a patch lies within a larger slice, on whole pixels, and all places come up", () => {
  const source = { shape: [11, 9, 1], spacing: [1, 1, 5] } as const;
  const seen = new Set<string>();
  fc.assert(
    fc.property(seeds, (seed) => {
      const [a, b, left, d, e, top] = croppedMapping(source, preprocessing, seed)[0].transform;
      expect([a, b, d, e]).toEqual([1, 0, 0, 1]);
      expect(Number.isInteger(left) && left >= 0 && left + 8 <= 11).toBe(true);
      expect(Number.isInteger(top) && top >= 0 && top + 6 <= 9).toBe(true);
      seen.add(`${left} ${top}`);
    }),
    { numRuns: 300, seed: 5 },
  );
  expect(seen.size).toBe(16);
});

test("a slice that is smaller lies in the middle, as in prediction: an odd pixel is behind it", () => {
  const patch = { ...preprocessing, oddPixel: oddPixelOf({ patch: [8, 6] }) };
  const source = { shape: [5, 6, 1], spacing: [1, 1, 5] } as const;
  const seed = { seed: 1, epoch: 2, sample: 3 };
  expect(croppedMapping(source, patch, seed)).toEqual(plainMapping(source, patch));
  expect(croppedMapping(source, patch, seed)[0].transform[2]).toBe(-1);
});

test("with foreground, the drawn pixel is in the patch, at another spacing too", () => {
  const [width, height] = [30, 20];
  fc.assert(
    fc.property(seeds, fc.nat(599), fc.constantFrom(undefined, [0.7, 1.6] as const), (seed, at, spacing) => {
      const labels = new Uint8Array(width * height);
      labels[at] = 2;
      const source = { shape: [width, height, 1], spacing: [1, 1, 5] } as const;
      const foreground = { labels, counts: [width * height - 1, 0, 1] };
      const [{ transform }] = croppedMapping(source, { ...preprocessing, spacing }, seed, foreground);
      const [a, b, c, d, e, f] = inverted(transform);
      const [x, y] = [(at % width) + 0.5, Math.floor(at / width) + 0.5];
      const [u, v] = [a * x + b * y + c, d * x + e * y + f];
      expect(u >= 0 && u < 8 && v >= 0 && v < 6).toBe(true);
    }),
  );
});

test("a rare label is drawn as often as a frequent one", () => {
  const source = { shape: [40, 1, 1], spacing: [1, 1, 5] } as const;
  const labels = Uint8Array.from({ length: 40 }, (_, x) => (x === 0 ? 2 : x >= 10 ? 1 : 0));
  const patch = { ...preprocessing, width: 2, height: 1 };
  const rare = Array.from({ length: 400 }, (_, sample) => {
    const foreground = { labels, counts: [9, 30, 1] };
    return croppedMapping(source, patch, { seed: 1, epoch: 0, sample }, foreground)[0].transform[2];
  }).filter((left) => left === 0).length;
  expect(rare).toBeGreaterThan(150);
  expect(rare).toBeLessThan(250);
});
