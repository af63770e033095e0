import { expect, test } from "vitest";
import { imageSize } from "../contract/kernel.js";
import { expectClose, randomArray } from "../testing/close.js";
import { checkRun, runLinear } from "../testing/convolution-checks.js";
import { type Run, runsOf } from "../testing/convolution-family.js";
import {
  convolutionDevice,
  testConvolution,
  testOutputOfTwoImages,
  testTwoImages,
} from "../testing/convolution-tests.js";
import { conv1x1Family, conv1x1QuadFamily } from "./conv1x1.cases.js";
import { conv1x1, conv1x1GradWeight } from "./conv1x1.js";
import { conv1x1Reference } from "./conv1x1.reference.js";

const deviceFor = convolutionDevice();

testConvolution(conv1x1Family);
testConvolution(conv1x1QuadFamily);
testOutputOfTwoImages(conv1x1QuadFamily, ["vector"], (problem, variant, split) =>
  conv1x1(problem, variant, false, split),
);
testTwoImages((problem, options) => conv1x1GradWeight(problem, "vector", 1, options), 1);

test.for([...conv1x1Family.ways, "vector"] as const)(
  "weight gradients of two convolutions at once, %s",
  async (way, context) => {
    const device = deviceFor(context, { variant: way });
    const input = { batch: 2, channels: 10, height: 5, width: way === "vector" ? 8 : 7 };
    const arrays = { input: randomArray(imageSize(input), 1), gradOutput: randomArray(2 * 9 * 5 * input.width, 2) };
    const gradientOf = (weights: number): Promise<Float64Array> => {
      const kernel: Run["kernel"] = conv1x1GradWeight({ input, outChannels: 9 }, way, weights);
      return runLinear(device, { what: kernel.name, kernel, arrays, length: 90 });
    };
    const whole = await gradientOf(1);
    const halves = [0, 5].flatMap((first) => [...whole].filter((_, i) => i % 10 >= first && i % 10 < first + 5));
    expect([...(await gradientOf(2))]).toEqual(halves);
  },
);

test("the reference mixes channels and keeps pixels apart", () => {
  const shape = { batch: 1, channels: 2, height: 1, width: 2 };
  expect([...conv1x1Reference([1, 2, 10, 20], shape, [3, 1, 0, 2], 2)]).toEqual([13, 26, 20, 40]);
});

test("more than 2048 read channels do not fit a uniform binding and come from storage", async (context) => {
  const input = { batch: 1, channels: 2049, height: 1, width: 3 };
  const runs = runsOf(conv1x1Family, { input, outChannels: 9 });
  const run = runs.output("blocked");
  expect(run.kernel.source).toContain("var<storage, read> weight: array<vec4f>;");
  await checkRun(deviceFor(context), run, runs.outputOf(runs.input));
});

test("more workgroups than one dimension holds", async (context) => {
  const shape = { batch: 1, channels: 1, height: 1500, width: 1501 };
  const input = randomArray(imageSize(shape), 4);
  const kernel = conv1x1({ input: shape, outChannels: 2 }, "plain");
  expect(kernel.launches[0]?.workgroups[1]).toBe(2);
  const run = { what: "folded", kernel, arrays: { input, weight: Float32Array.of(2, -1) }, length: 2 * input.length };
  expectClose(run.what, await runLinear(deviceFor(context), run), conv1x1Reference(input, shape, [2, -1], 2));
});
