import { describe, expect, test } from "vitest";
import { checkRun } from "../testing/convolution-checks.js";
import { runsOf } from "../testing/convolution-family.js";
import { convolutionDevice, testConvolution, testConvolutionSlots } from "../testing/convolution-tests.js";
import { otherFamilies, sparseFamily, strided3x3Family } from "./conv2d.cases.js";
import { conv2dReference } from "./conv2d.reference.js";

const deviceFor = convolutionDevice();

test("reference, by hand: every second pixel of what ones count, and of what a tap moves", () => {
  const input = { batch: 1, channels: 1, height: 3, width: 5 };
  const window = { kernel: [3, 3], stride: [2, 2], padding: [1, 1] } as const;
  const ones = Array<number>(15).fill(1);
  expect([...conv2dReference(ones, { input, outChannels: 1, ...window }, ones)]).toEqual([4, 6, 4, 4, 6, 4]);
  const rows = { kernel: [1, 2], stride: [2, 2], padding: [0, 0] } as const;
  const pixels = Array.from({ length: 15 }, (_, i) => i);
  expect([...conv2dReference(pixels, { input, outChannels: 1, ...rows }, [0, 1])]).toEqual([1, 3, 11, 13]);
});

testConvolution(strided3x3Family);
testConvolutionSlots(strided3x3Family);
describe.each(otherFamilies)("$name", (family) => {
  testConvolution(family);
});

test("more workgroups than one dimension holds, most of them of phases without a tap", async (context) => {
  const runs = runsOf(sparseFamily, { input: { batch: 1, channels: 1, height: 300, width: 300 }, outChannels: 1 });
  const run = runs.gradInput("blocked");
  expect(run.kernel.launches[0]?.workgroups[1]).toBe(2);
  const expected = new Float64Array(run.length);
  expected[0] = (runs.weight[0] as number) * (runs.gradOutput[0] as number);
  await checkRun(deviceFor(context), run, expected);
});
