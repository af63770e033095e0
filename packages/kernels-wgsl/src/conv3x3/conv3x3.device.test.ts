import { beforeAll, describe, expect, test } from "vitest";
import { type ConvolutionProblem, imageSize } from "../contract/kernel.js";
import { packWeight } from "../contract/packing.js";
import { packConv1x1 } from "../conv1x1/conv1x1.js";
import { conv1x1Reference } from "../conv1x1/conv1x1.reference.js";
import { expectClose, randomArray } from "../testing/close.js";
import {
  checkGradient,
  checkHalfStorage,
  checkRun,
  checkStatistics,
  type Run,
  runLinear,
} from "../testing/convolution-checks.js";
import { hasSubgroupsOfEight, testDevice } from "../testing/device.js";
import { checkAgainstFullStorage } from "../testing/half-storage.js";
import type { HostArray } from "../testing/runner.js";
import { conv3x3Cases } from "./conv3x3.cases.js";
import { type Conv3x3Variant, conv3x3, conv3x3GradInput, conv3x3GradWeight, packConv3x3 } from "./conv3x3.js";
import { conv3x3Reference } from "./conv3x3.reference.js";

let device: GPUDevice;
let eight = false;
beforeAll(async () => {
  device = await testDevice();
  eight = await hasSubgroupsOfEight();
});

const variants: readonly Conv3x3Variant[] = ["plain", "blocked", "subgroup", "tiled"];

/** The three kernels of a problem on the same random arrays. */
function runsOf(problem: ConvolutionProblem, variant: Conv3x3Variant) {
  const { input: shape, outChannels } = problem;
  const outShape = { ...shape, channels: outChannels };
  const input = randomArray(imageSize(shape), 1);
  const weight = randomArray(9 * shape.channels * outChannels, 2);
  const gradOutput = randomArray(imageSize(outShape), 3);
  const weightFor = (direction: "forward" | "grad-input") =>
    variant !== "blocked" ? weight : packWeight(weight, packConv3x3(shape.channels, outChannels, direction));
  const forward: Run = {
    what: `conv3x3, ${variant}`,
    kernel: conv3x3(problem, variant),
    arrays: { input, weight: weightFor("forward") },
    length: imageSize(outShape),
  };
  const gradInput: Run = {
    what: `conv3x3GradInput, ${variant}`,
    kernel: conv3x3GradInput(problem, variant),
    arrays: { input: gradOutput, weight: weightFor("grad-input") },
    length: imageSize(shape),
  };
  const gradWeightBy = (way: Conv3x3Variant | "serial"): Run => ({
    what: `conv3x3GradWeight, ${way}`,
    kernel: conv3x3GradWeight(problem, way),
    arrays: { input, gradOutput },
    length: weight.length,
  });
  const gradWeight = gradWeightBy(variant);
  const gradWeightSerial = gradWeightBy("serial");
  const dot = (y: Float64Array) => y.reduce((sum, value, i) => sum + value * (gradOutput[i] as number), 0);
  return {
    shape,
    outShape,
    outChannels,
    input,
    weight,
    forward,
    gradInput,
    gradWeight,
    gradWeightSerial,
    lossOfInput: (point: Float64Array) => dot(conv3x3Reference(point, shape, weight, outChannels)),
    lossOfWeight: (point: Float64Array) => dot(conv3x3Reference(input, shape, point, outChannels)),
  };
}

describe.each(conv3x3Cases)("$input × $outChannels: $why", (problem) => {
  test.for(variants)("output, %s", async (variant, ctx) => {
    if (variant === "subgroup" && !eight) ctx.skip("adapter has no subgroups of 8");
    const { forward, input, shape, weight, outShape, outChannels } = runsOf(problem, variant);
    await checkRun(device, forward, conv3x3Reference(input, shape, weight, outChannels));
    await checkStatistics(ctx, device, forward, outShape);
  });

  test.for(variants)("gradients, %s", async (variant, ctx) => {
    if (variant === "subgroup" && !eight) ctx.skip("adapter has no subgroups of 8");
    const { gradInput, gradWeight, shape, input, weight, lossOfInput, lossOfWeight } = runsOf(problem, variant);
    await checkGradient(device, gradInput, lossOfInput, input);
    await checkStatistics(ctx, device, gradInput, shape);
    await checkGradient(device, gradWeight, lossOfWeight, weight);
    await checkRun(device, gradWeight, await runLinear(device, gradWeight));
  });
});

/** A problem's kernels with a shortcut of `channels` beside it, and what they should give. */
function shortcutRunsOf(problem: ConvolutionProblem, variant: Conv3x3Variant, channels: number) {
  const { forward, gradInput, shape, input, weight, outChannels } = runsOf(problem, variant);
  const shortcut = randomArray(imageSize({ ...shape, channels }), 4);
  const packed = (values: Float32Array, from: number, to: number, direction: "forward" | "grad-input") =>
    variant === "blocked" ? packWeight(values, packConv1x1(from, to, direction)) : values;
  // Forward the shortcut leads from `channels` to the output's; backward it led from the input's channels to `channels`.
  const ahead = randomArray(channels * outChannels, 5);
  const back = randomArray(channels * shape.channels, 6);
  const backTransposed = Float64Array.from(
    back,
    (_, i) => back[(i % channels) * shape.channels + Math.floor(i / channels)] as number,
  );
  const plus = (a: Float64Array, b: Float64Array) => a.map((value, i) => value + (b[i] as number));
  return {
    forward: {
      ...forward,
      what: `${forward.what}, with a shortcut`,
      kernel: conv3x3(problem, variant, { channels, transposed: false }),
      arrays: { ...forward.arrays, shortcut, shortcutWeight: packed(ahead, channels, outChannels, "forward") },
    },
    output: plus(
      conv3x3Reference(input, shape, weight, outChannels),
      conv1x1Reference(shortcut, { ...shape, channels }, ahead, outChannels),
    ),
    gradInput: {
      ...gradInput,
      what: `${gradInput.what}, with a shortcut`,
      kernel: conv3x3GradInput(problem, variant, { channels, transposed: true }),
      arrays: { ...gradInput.arrays, shortcut, shortcutWeight: packed(back, shape.channels, channels, "grad-input") },
    },
    alone: gradInput,
    added: conv1x1Reference(shortcut, { ...shape, channels }, backTransposed, shape.channels),
  };
}

describe.each(conv3x3Cases)("with a 1×1 convolution beside it, $input × $outChannels: $why", (problem) => {
  test.for(variants)("output and input gradient, %s", async (variant, ctx) => {
    if (variant === "subgroup" && !eight) ctx.skip("adapter has no subgroups of 8");
    const { forward, output, gradInput, alone, added } = shortcutRunsOf(problem, variant, 5);
    await checkRun(device, forward, output);
    const without = await runLinear(device, alone);
    await checkRun(
      device,
      gradInput,
      without.map((value, i) => value + (added[i] as number)),
    );
  });
});

describe.each(conv3x3Cases)("weight gradient without barriers, $input × $outChannels: $why", (problem) => {
  test("gradient, and the same bits twice", async () => {
    const { gradWeightSerial, lossOfWeight, weight } = runsOf(problem, "blocked");
    await checkGradient(device, gradWeightSerial, lossOfWeight, weight);
    await checkRun(device, gradWeightSerial, await runLinear(device, gradWeightSerial));
  });
});

test.for(["blocked", "subgroup", "tiled"] as const)(
  "the %s kernels equal the plain ones on a level of the network",
  async (variant, ctx) => {
    if (variant === "subgroup" && !eight) ctx.skip("adapter has no subgroups of 8");
    const problem = { input: { batch: 2, channels: 16, height: 40, width: 36 }, outChannels: 24 };
    const plain = runsOf(problem, "plain");
    const fast = runsOf(problem, variant);
    for (const name of ["forward", "gradInput", "gradWeight"] as const) {
      expectClose(name, await runLinear(device, fast[name]), await runLinear(device, plain[name]));
    }
    expectClose("serial", await runLinear(device, fast.gradWeightSerial), await runLinear(device, plain.gradWeight));
  },
);

describe.each(variants)("%s", (variant) => {
  test("f16 storage", async (ctx) => {
    if (!device.features.has("shader-f16")) ctx.skip("adapter lacks shader-f16");
    if (variant === "subgroup" && !eight) ctx.skip("adapter has no subgroups of 8");
    const { forward, gradInput, gradWeight, gradWeightSerial, shape, weight, outChannels } = runsOf(
      { input: { batch: 2, channels: 3, height: 5, width: 6 }, outChannels: 4 },
      variant,
    );
    const { input: gradOutput = [], weight: packed = new Float32Array() } = gradInput.arrays;
    await checkAgainstFullStorage(device, "gradInput", gradInput.kernel, {
      inputs: { input: gradOutput },
      outputs: { output: gradInput.length },
      untouched: { weight: packed },
    });
    const beside = shortcutRunsOf({ input: { ...shape, channels: 4 }, outChannels: 3 }, variant, 2).forward;
    const { input: image = [], shortcut = [], ...weights } = beside.arrays as Readonly<Record<string, HostArray>>;
    await checkAgainstFullStorage(device, "with a shortcut", beside.kernel, {
      inputs: { input: image, shortcut },
      outputs: { output: beside.length },
      untouched: weights,
    });
    await checkHalfStorage(device, forward, ["input"], ({ input = new Float32Array() }) =>
      conv3x3Reference(input, shape, weight, outChannels),
    );
    for (const run of [gradWeight, gradWeightSerial])
      await checkHalfStorage(device, run, ["input", "gradOutput"], ({ input = new Float32Array(), gradOutput }) =>
        weight.map((_, i) => {
          const unit = weight.map((_value, j) => (i === j ? 1 : 0));
          return conv3x3Reference(input, shape, unit, outChannels).reduce(
            (sum, value, at) => sum + value * (gradOutput?.[at] as number),
            0,
          );
        }),
      );
  });
});

test("the reference on an image of ones: 4 taps see a corner, 6 an edge, 9 the center", () => {
  const shape = { batch: 1, channels: 1, height: 3, width: 3 };
  const ones = new Float64Array(9).fill(1);
  expect([...conv3x3Reference(ones, shape, ones, 1)]).toEqual([4, 6, 4, 6, 9, 6, 4, 6, 4]);
  // The tap above reads the row above.
  expect([...conv3x3Reference([1, 2, 3, 4, 5, 6, 7, 8, 9], shape, [0, 1, 0, 0, 0, 0, 0, 0, 0], 1)]).toEqual([
    0, 0, 0, 1, 2, 3, 4, 5, 6,
  ]);
});

test("without a shortcut nothing of it is left in the text", () => {
  for (const variant of variants) {
    const { source } = conv3x3({ input: { batch: 1, channels: 2, height: 4, width: 4 }, outChannels: 3 }, variant);
    expect(source).not.toContain("shortcutWeight");
    expect(source).not.toContain("loadShortcut");
  }
});

test("weights beyond 64 KiB come from storage, still in one launch", () => {
  const image = { batch: 1, channels: 51, height: 4, width: 2 };
  for (const [outChannels, access] of [
    [32, "uniform"],
    [70, "storage, read"],
  ] as const) {
    const { launches, source } = conv3x3({ input: image, outChannels }, "blocked");
    expect(source).toContain(`var<${access}> weight: `);
    expect(launches.map(({ workgroups }) => workgroups)).toEqual([[1, 1, Math.ceil(outChannels / 8)]]);
  }
});
