import { expect, test } from "vitest";
import { checkGradient, checkRun, runLinear } from "../testing/convolution-checks.js";
import { runsOf } from "../testing/convolution-family.js";
import {
  convolutionDevice,
  testConvolution,
  testOutputOfTwoImages,
  testTwoImages,
} from "../testing/convolution-tests.js";
import { conv3x3QuadFamily } from "./conv3x3.cases.js";
import { conv3x3, conv3x3GradWeight } from "./conv3x3.js";

const deviceFor = convolutionDevice();

testConvolution(conv3x3QuadFamily);
testOutputOfTwoImages(conv3x3QuadFamily, ["vector", "tall", "winograd"], (problem, variant, split) =>
  conv3x3(problem, variant, undefined, undefined, split),
);
testTwoImages((problem, options) => conv3x3GradWeight(problem, "vector", options), 9);

// Where its weight is bound is the business of the text that it is made from: one compilation is enough.
test.for(conv3x3QuadFamily.cases.slice(0, 4))("Winograd's sums: $why", async (problem, context) => {
  const device = deviceFor(context);
  const { output, outputOf, input, gradInput, lossOfInput } = runsOf(conv3x3QuadFamily, problem);
  await checkRun(device, output("winograd"), outputOf(input));
  await checkGradient(device, gradInput("winograd"), lossOfInput, input);
});

test("loading ahead gives the bits of loading in turn", async (context) => {
  const device = deviceFor(context);
  const problem = { input: { batch: 2, channels: 3, height: 21, width: 36 }, outChannels: 4 };
  const { arrays, length, kernel } = runsOf(conv3x3QuadFamily, problem).gradWeight("vector");
  const ahead = conv3x3GradWeight(problem, "vector", { ahead: true });
  const inTurn = await runLinear(device, { what: "in turn", kernel, arrays, length });
  expect(await runLinear(device, { what: "ahead", kernel: ahead, arrays, length })).toEqual(inTurn);
});

test("other widths are refused", () => {
  const input = { batch: 1, channels: 2, height: 4, width: 6 };
  expect(() => conv3x3({ input, outChannels: 3 }, "vector")).toThrow("width 6 is no multiple of 4");
});

test("tiles of a workgroup are as near to 16 × 4 as the extents allow", () => {
  const bitsOf = (height: number, width: number, variant: "vector" | "tall" = "vector") => {
    const { launches } = conv3x3({ input: { batch: 2, channels: 1, height, width }, outChannels: 8 }, variant);
    const { columnBits, rowBits, columnGroups, rowGroups, tiles } = launches[0]?.sizes ?? {};
    return [columnBits, rowBits, columnGroups, rowGroups, tiles];
  };
  expect(bitsOf(512, 512)).toEqual([4, 2, 8, 64, 2 * 128 * 256]);
  expect(bitsOf(8, 8)).toEqual([1, 2, 1, 1, 2 * 2 * 4]);
  expect(bitsOf(7, 12)).toEqual([0, 2, 3, 1, 2 * 3 * 4]);
  expect(bitsOf(512, 512, "tall")).toEqual([4, 2, 8, 32, 2 * 128 * 128]);
});
