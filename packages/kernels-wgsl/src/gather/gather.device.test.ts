import { beforeAll, expect, test } from "vitest";
import { randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { gatherCases } from "./gather.cases.js";
import { gather } from "./gather.js";
import { gatherReference } from "./gather.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

test("reference, by hand", () => {
  expect([...gatherReference([5, 6, 7], Uint32Array.of(2, 0xffff_ffff, 0))]).toEqual([7, 0, 5]);
});

test.each(gatherCases)("$source → $length: $why", async ({ source: sourceLength, length }) => {
  const source = randomArray(sourceLength, 1);
  const table = Uint32Array.from({ length }, (_, i) => (i % 5 === 3 ? 0xffff_ffff : (i * 7919) % sourceLength));
  const arrays = { source, table, output: new Float32Array(length).fill(Number.NaN) };
  const { output } = await runKernel(device, gather(length), arrays, ["output"]);
  const reference = gatherReference(source, table);
  expect(output.findIndex((value, i) => value !== reference[i])).toBe(-1);
});
