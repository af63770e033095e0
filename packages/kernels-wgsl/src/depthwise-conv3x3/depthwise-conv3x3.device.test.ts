import { expect, test } from "vitest";
import { checkRun } from "../testing/convolution-checks.js";
import { runsOf } from "../testing/convolution-family.js";
import { convolutionDevice, testConvolution, testConvolutionSlots } from "../testing/convolution-tests.js";
import { depthwiseConv3x3Family } from "./depthwise-conv3x3.cases.js";
import { depthwiseConv3x3Reference } from "./depthwise-conv3x3.reference.js";

const deviceFor = convolutionDevice();

test("reference, by hand: each channel meets its own weight, ones count the pixels that a tap sees", () => {
  const shape = { batch: 1, channels: 2, height: 3, width: 3 };
  const [once, twice] = [Array<number>(9).fill(1), Array<number>(9).fill(2)];
  const seen = [4, 6, 4, 6, 9, 6, 4, 6, 4];
  expect([...depthwiseConv3x3Reference(Array<number>(18).fill(1), shape, [...once, ...twice])]).toEqual([
    ...seen,
    ...seen.map((count) => 2 * count),
  ]);
  // A tap at the top left moves the image down and to the right.
  const corner = [1, 0, 0, 0, 0, 0, 0, 0, 0];
  const [moved] = [depthwiseConv3x3Reference([1, 2, 3, 4, 5, 6, 7, 8, 9], { ...shape, channels: 1 }, corner)];
  expect([...moved]).toEqual([0, 0, 0, 0, 1, 2, 0, 4, 5]);
});

testConvolution(depthwiseConv3x3Family);
testConvolutionSlots(depthwiseConv3x3Family);

test("more workgroups than one dimension holds", async (context) => {
  const input = { batch: 1, channels: 66_000, height: 1, width: 1 };
  const runs = runsOf(depthwiseConv3x3Family, { input, outChannels: input.channels });
  const run = runs.output("plain");
  expect(run.kernel.launches[0]?.workgroups[1]).toBe(2);
  await checkRun(deviceFor(context), run, runs.outputOf(runs.input));
});
