import { beforeAll, expect, test } from "vitest";
import { fromHalf, toHalf } from "../contract/half.js";
import { noWeight, packHalves, packWeight } from "../contract/packing.js";
import { filterIndex } from "../contract/winograd.js";
import { expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { gatherCases } from "./gather.cases.js";
import { gather, gatherFilters, gatherHalves } from "./gather.js";
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
  expectClose("filters", output, packWeight(source, { length: table.length, index: table, kind: "filters" }), 1e-6);
});

test.each(["forward", "grad-input"] as const)("weights in f16 for matrix units, %s", async (direction) => {
  const [taps, inChannels, outChannels] = [9, 19, 34];
  const source = randomArray(taps * inChannels * outChannels, 3);
  const layout = packHalves(taps, inChannels, outChannels, direction);
  const arrays = { source, table: layout.index, output: new Uint32Array(layout.length) };
  const { output } = await runKernel(device, gatherHalves(layout.length), arrays, ["output"]);
  const halves = fromHalf(new Uint16Array(output.buffer));
  expect(halves).toEqual(fromHalf(new Uint16Array(packWeight(source, layout).buffer)));
  // What is read by channel 17 and written by channel 18, at the tap to the right of the middle, and at the opposite one.
  const [rows, written, read] = [direction === "forward" ? 64 : 32, 18, 17];
  const place = ((9 + 5) * rows + written) * 16 + (read % 16);
  const at = direction === "forward" ? (written * inChannels + read) * 9 + 5 : (read * inChannels + written) * 9 + 3;
  expect(halves[place]).toBe(fromHalf(toHalf([source[at] ?? 0]))[0]);
  expect(halves[(9 * rows + rows - 1) * 16]).toBe(0);
});
