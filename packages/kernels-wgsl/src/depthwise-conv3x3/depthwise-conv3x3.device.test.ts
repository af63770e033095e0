import { beforeAll, describe, expect, test } from "vitest";
import { type ImageShape, imageSize, type Reduction } from "../contract/kernel.js";
import { randomArray } from "../testing/close.js";
import {
  checkGradient,
  checkHalfStorage,
  checkRun,
  checkStatistics,
  type Run,
  runLinear,
} from "../testing/convolution-checks.js";
import { hasSubgroupsOfEight, testDevice } from "../testing/device.js";
import { depthwiseConv3x3Cases } from "./depthwise-conv3x3.cases.js";
import { depthwiseConv3x3, depthwiseConv3x3GradInput, depthwiseConv3x3GradWeight } from "./depthwise-conv3x3.js";
import { depthwiseConv3x3Reference } from "./depthwise-conv3x3.reference.js";

let device: GPUDevice;
let eight = false;
beforeAll(async () => {
  device = await testDevice();
  eight = await hasSubgroupsOfEight();
});

const reductions: readonly Reduction[] = ["parallel", "serial", "subgroup"];

/** The kernels of a problem on the same random arrays. */
function runsOf(shape: ImageShape) {
  const input = randomArray(imageSize(shape), 1);
  const weight = randomArray(9 * shape.channels, 2);
  const gradOutput = randomArray(imageSize(shape), 3);
  const forward: Run = {
    what: "depthwiseConv3x3",
    kernel: depthwiseConv3x3(shape),
    arrays: { input, weight },
    length: input.length,
  };
  const gradInput: Run = {
    what: "depthwiseConv3x3GradInput",
    kernel: depthwiseConv3x3GradInput(shape),
    arrays: { input: gradOutput, weight },
    length: input.length,
  };
  const gradWeight = (reduction: Reduction): Run => ({
    what: `depthwiseConv3x3GradWeight, ${reduction}`,
    kernel: depthwiseConv3x3GradWeight(shape, reduction),
    arrays: { input, gradOutput },
    length: weight.length,
  });
  const dot = (y: Float64Array) => y.reduce((sum, value, i) => sum + value * (gradOutput[i] as number), 0);
  return {
    input,
    weight,
    forward,
    gradInput,
    gradWeight,
    lossOfInput: (point: Float64Array) => dot(depthwiseConv3x3Reference(point, shape, weight)),
    lossOfWeight: (point: Float64Array) => dot(depthwiseConv3x3Reference(input, shape, point)),
  };
}

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

describe.each(depthwiseConv3x3Cases)("$why", ({ shape }) => {
  test("output, with its sums by channel", async (ctx) => {
    const { forward, input, weight } = runsOf(shape);
    await checkRun(device, forward, depthwiseConv3x3Reference(input, shape, weight));
    await checkStatistics(ctx, device, forward, shape);
  });

  test("input gradient, with its sums by channel", async (ctx) => {
    const { gradInput, lossOfInput, input } = runsOf(shape);
    await checkGradient(device, gradInput, lossOfInput, input);
    await checkRun(device, gradInput, await runLinear(device, gradInput));
    await checkStatistics(ctx, device, gradInput, shape);
  });

  test.for(reductions)("weight gradient, %s", async (reduction, context) => {
    if (reduction === "subgroup" && !eight) context.skip("adapter has no subgroups of 8");
    const { gradWeight, lossOfWeight, weight } = runsOf(shape);
    const run = gradWeight(reduction);
    await checkGradient(device, run, lossOfWeight, weight);
    await checkRun(device, run, await runLinear(device, run));
  });
});

test("f16 storage", async (context) => {
  if (!device.features.has("shader-f16")) context.skip("adapter lacks shader-f16");
  const shape = { batch: 2, channels: 3, height: 5, width: 6 };
  const { forward, gradInput, gradWeight, weight } = runsOf(shape);
  const outputOf = (input: Float32Array = new Float32Array(), taps: ArrayLike<number> = weight): Float64Array =>
    depthwiseConv3x3Reference(input, shape, taps);
  await checkHalfStorage(device, forward, ["input"], ({ input }) => outputOf(input));
  const turned = weight.map((_, i) => weight[9 * Math.floor(i / 9) + 8 - (i % 9)] ?? 0);
  await checkHalfStorage(device, gradInput, ["input"], ({ input }) => outputOf(input, turned));
  for (const reduction of reductions.filter((each) => each !== "subgroup" || eight)) {
    await checkHalfStorage(device, gradWeight(reduction), ["input", "gradOutput"], ({ input, gradOutput }) =>
      weight.map((_, i) => {
        const unit = weight.map((_value, j) => (i === j ? 1 : 0));
        return outputOf(input, unit).reduce((sum, value, at) => sum + value * (gradOutput?.[at] ?? 0), 0);
      }),
    );
  }
});

test("more workgroups than one dimension holds", async () => {
  const shape = { batch: 1, channels: 66_000, height: 1, width: 1 };
  const kernel = depthwiseConv3x3(shape);
  expect(kernel.launches[0]?.workgroups[1]).toBe(2);
  const { forward, input, weight } = runsOf(shape);
  await checkRun(device, forward, depthwiseConv3x3Reference(input, shape, weight));
});
