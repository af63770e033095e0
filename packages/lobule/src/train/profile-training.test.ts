import { expect, test } from "vitest";
import { chromeTrace, profileTable } from "./profile-training.js";

const call = (name: string, microseconds: number) => ({
  name,
  kernel: `${name} kernel`,
  microseconds,
  flops: 2e6,
  bytes: 1e6,
});

test("the table: the slowest first, with their place, rates and share of the roof", () => {
  const calls = Array.from({ length: 30 }, (_, i) => call(`dispatch ${i}`, 100 + i));
  const lines = profileTable(calls, { flopsPerSecond: 1e11, bytesPerSecond: 1e10 }).split("\n");
  // 129 µs: 15.5 GFLOP/s, 7.8 GB/s; at the roof 1 MB takes 100 µs.
  expect(lines[2]).toMatch(/^ {2}30 dispatch 29 +0\.13 +3\.8 % +15\.5 +7\.8 +78 %$/);
  expect(lines.at(-1)).toMatch(/^the 25 slowest of 30 dispatches, 8\d % of 3\.4 ms a step$/);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
});

test("the trace: one dispatch after another", () => {
  expect(chromeTrace([call("a", 5), call("b", 7)]).traceEvents).toMatchObject([
    { name: "a", cat: "a kernel", ph: "X", ts: 0, dur: 5 },
    { name: "b", ts: 5, dur: 7 },
  ]);
});
