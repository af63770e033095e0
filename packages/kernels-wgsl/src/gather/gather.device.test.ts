import { beforeAll, expect, test } from "vitest";
import { noWeight, packWeight } from "../contract/packing.js";
import { filterIndex } from "../contract/winograd.js";
import { expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { gatherCases } from "./gather.cases.js";
import { gather, gatherFilters } from "./gather.js";
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

test("sums of three neighbors, read upwards and downwards", async () => {
  const source = randomArray(1000, 2);
  const table = Uint32Array.from({ length: 700 }, (_, i) =>
    i % 7 === 3 ? noWeight : filterIndex(2 + ((i * 7919) % 990), i % 6, i % 2 === 1),
  );
  const arrays = { source, table, output: new Float32Array(table.length).fill(Number.NaN) };
  const { output } = await runKernel(device, gatherFilters(table.length), arrays, ["output"]);
  expectClose("filters", output, packWeight(source, { length: table.length, index: table, filters: true }), 1e-6);
});
