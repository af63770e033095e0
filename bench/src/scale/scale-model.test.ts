import { expect, test } from "vitest";
import { lineThrough, simulateStep } from "./scale-model.js";

const free = { buckets: [{ bytes: 8e6, computed: 1 }], statisticsBytes: 0, local: { step: 0, add: 0 } };
const network = { name: "1 GB/s", bitsPerSecond: 8e9, latency: 0.001 };

test("two machines of one GPU send half of the gradients twice", () => {
  const step = simulateStep(100, free, { ranks: 2, perMachine: 1, network });
  expect(step.sentBytes).toBe(8e6);
  // Twice 4 MB at 1 GB/s, 1 ms of latency and 5 µs for a message.
  expect(step.exchangeMilliseconds).toBeCloseTo(2 * (4 + 1 + 0.005), 9);
  expect(step.efficiency).toBeCloseTo(100 / 110.01, 9);
});

test("what is local and every part cost their time, and a rank alone exchanges nothing", () => {
  const cost = { ...free, local: { step: 2, add: 0.5 } };
  expect(simulateStep(100, cost, { ranks: 1, perMachine: 8, network: undefined })).toMatchObject({
    sentBytes: 0,
    stepMilliseconds: 102.5,
  });
});

test("the exchange of all parts but the last is hidden as far as a part takes to compute", () => {
  const of = (compute: number, partsOfRank: number) =>
    simulateStep(compute, free, { ranks: 2, perMachine: 1, network, partsOfRank }).exchangeMilliseconds;
  const phase = 4 + 1 + 0.005;
  expect(of(100, 4)).toBeCloseTo(2 * phase, 9);
  // A part computes for 2 ms, and its exchange takes longer.
  expect(of(8, 4)).toBeCloseTo(2 * phase + 3 * (phase - 2), 9);
});

test("the exchange of what is there early is hidden as far as the rest takes to compute", () => {
  const buckets = [
    { bytes: 6e6, computed: 0.75 },
    { bytes: 2e6, computed: 1 },
  ];
  const of = (compute: number) =>
    simulateStep(compute, { ...free, buckets }, { ranks: 2, perMachine: 1, network }).exchangeMilliseconds;
  const [first, last, second] = [3, 1, 4].map((milliseconds) => milliseconds + 1 + 0.005) as [number, number, number];
  expect(of(100)).toBeCloseTo(last + second, 9);
  // The last quarter takes 2 ms.
  expect(of(8)).toBeCloseTo(first - 2 + last + second, 9);
});

test("a machine's card is shared by its ranks", () => {
  const of = (perMachine: number) => simulateStep(100, free, { ranks: 16, perMachine, network }).exchangeMilliseconds;
  expect(of(8)).toBeGreaterThan(3 * of(1));
});

test("a line through points on it", () => {
  const { at0, slope } = lineThrough([2, 8, 64].map((x) => [x, 3 + 0.25 * x] as const));
  expect(at0).toBeCloseTo(3, 9);
  expect(slope).toBeCloseTo(0.25, 9);
});
