import { beforeAll, describe, expect, test } from "vitest";
import { type ConvolutionProblem, imageSize } from "../contract/kernel.js";
import { packWeight } from "../contract/packing.js";
import { maxPool2x2Reference } from "../max-pool2x2/max-pool2x2.reference.js";
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
import { runKernel } from "../testing/runner.js";
import { conv1x1Cases } from "./conv1x1.cases.js";
import { type Conv1x1Variant, conv1x1, conv1x1GradInput, conv1x1GradWeight, packConv1x1 } from "./conv1x1.js";
import { conv1x1Reference } from "./conv1x1.reference.js";

let device: GPUDevice;
let eight = false;
beforeAll(async () => {
  device = await testDevice();
  eight = await hasSubgroupsOfEight();
});

const variants: readonly Conv1x1Variant[] = ["plain", "blocked", "subgroup"];

/** The three kernels of a problem on the same random arrays. */
function runsOf(problem: ConvolutionProblem, variant: Conv1x1Variant) {
  const { input: shape, outChannels } = problem;
  const outShape = { ...shape, channels: outChannels };
  const input = randomArray(imageSize(shape), 1);
  const weight = randomArray(shape.channels * outChannels, 2);
  const gradOutput = randomArray(imageSize(outShape), 3);
  const weightFor = (direction: "forward" | "grad-input") =>
    variant !== "blocked" ? weight : packWeight(weight, packConv1x1(shape.channels, outChannels, direction));
  const forward: Run = {
    what: `conv1x1, ${variant}`,
    kernel: conv1x1(problem, variant),
    arrays: { input, weight: weightFor("forward") },
    length: imageSize(outShape),
  };
  const gradInput: Run = {
    what: `conv1x1GradInput, ${variant}`,
    kernel: conv1x1GradInput(problem, variant),
    arrays: { input: gradOutput, weight: weightFor("grad-input") },
    length: imageSize(shape),
  };
  const gradWeightBy = (way: "plain" | "blocked" | "serial" | "tiled"): Run => ({
    what: `conv1x1GradWeight, ${way}`,
    kernel: conv1x1GradWeight(problem, way),
    arrays: { input, gradOutput },
    length: weight.length,
  });
  const gradWeight = gradWeightBy(variant === "plain" ? variant : "blocked");
  const gradWeightSerial = gradWeightBy("serial");
  const gradWeightTiled = gradWeightBy("tiled");
  const dot = (y: Float64Array) => y.reduce((sum, value, i) => sum + value * (gradOutput[i] as number), 0);
  return {
    ...{
      shape,
      outShape,
      outChannels,
      input,
      weight,
      forward,
      gradInput,
      gradWeight,
      gradWeightSerial,
      gradWeightTiled,
    },
    lossOfInput: (point: Float64Array) => dot(conv1x1Reference(point, shape, weight, outChannels)),
    lossOfWeight: (point: Float64Array) => dot(conv1x1Reference(input, shape, point, outChannels)),
  };
}

describe.each(conv1x1Cases)("$input × $outChannels: $why", (problem) => {
  test.for(variants)("output, %s", async (variant, ctx) => {
    if (variant === "subgroup" && !eight) ctx.skip("adapter has no subgroups of 8");
    const { forward, input, shape, weight, outShape, outChannels } = runsOf(problem, variant);
    await checkRun(device, forward, conv1x1Reference(input, shape, weight, outChannels));
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

describe.each(
  // Windows are of two rows and columns at least.
  conv1x1Cases.filter(({ input: { height, width } }) => height > 1 && width > 1),
)("pooled besides, $input × $outChannels: $why", (problem) => {
  test.for(["blocked", "subgroup"] as const)("%s", async (variant, ctx) => {
    if (variant === "subgroup" && !eight) ctx.skip("adapter has no subgroups of 8");
    const { forward, input, shape, weight, outShape, outChannels } = runsOf(problem, variant);
    const kernel = conv1x1(problem, variant, true);
    const output = conv1x1Reference(input, shape, weight, outChannels);
    const poolShape = { ...outShape, height: Math.floor(shape.height / 2), width: Math.floor(shape.width / 2) };
    const pooled = new Float32Array(imageSize(poolShape)).fill(Number.NaN);
    const run = { ...forward, kernel, arrays: { ...forward.arrays, pooled } };
    await checkRun(device, run, output);
    await checkStatistics(ctx, device, run, outShape);
    const empty = new Float32Array(output.length);
    const got = await runKernel(device, kernel, { ...run.arrays, output: empty }, ["output", "pooled"]);
    // Of what was stored, to the bit.
    const { output: expected } = maxPool2x2Reference(got.output as Float32Array, outShape);
    expect(got.pooled).toEqual(Float32Array.from(expected));
  });
});

describe.each(conv1x1Cases)("weight gradient without barriers and by tiles, $input × $outChannels: $why", (problem) => {
  test("gradient, and the same bits twice", async () => {
    const { gradWeightSerial, gradWeightTiled, lossOfWeight, weight } = runsOf(problem, "blocked");
    for (const run of [gradWeightSerial, gradWeightTiled]) {
      await checkGradient(device, run, lossOfWeight, weight);
      await checkRun(device, run, await runLinear(device, run));
    }
  });
});

test.for(["blocked", "subgroup"] as const)(
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
    expectClose("tiled", await runLinear(device, fast.gradWeightTiled), await runLinear(device, plain.gradWeight));
  },
);

describe.each(variants)("%s", (variant) => {
  test("f16 storage", async (ctx) => {
    if (!device.features.has("shader-f16")) ctx.skip("adapter lacks shader-f16");
    if (variant === "subgroup" && !eight) ctx.skip("adapter has no subgroups of 8");
    const { forward, gradInput, gradWeight, gradWeightSerial, gradWeightTiled, shape, weight, outChannels } = runsOf(
      { input: { batch: 2, channels: 3, height: 5, width: 6 }, outChannels: 4 },
      variant,
    );
    const { input: gradOutput = [], weight: packed = new Float32Array() } = gradInput.arrays;
    await checkAgainstFullStorage(device, "gradInput", gradInput.kernel, {
      inputs: { input: gradOutput },
      outputs: { output: gradInput.length },
      untouched: { weight: packed },
    });
    await checkHalfStorage(device, forward, ["input"], ({ input = new Float32Array() }) =>
      conv1x1Reference(input, shape, weight, outChannels),
    );
    for (const run of [gradWeight, gradWeightSerial, gradWeightTiled])
      await checkHalfStorage(device, run, ["input", "gradOutput"], ({ input = new Float32Array(), gradOutput }) =>
        weight.map((_, i) => {
          const unit = weight.map((_value, j) => (i === j ? 1 : 0));
          return conv1x1Reference(input, shape, unit, outChannels).reduce(
            (sum, value, at) => sum + value * (gradOutput?.[at] as number),
            0,
          );
        }),
      );
  });
});

test.for(["plain", "blocked", "serial", "tiled"] as const)(
  "weight gradients of two convolutions at once, %s",
  async (variant) => {
    const input = { batch: 2, channels: 10, height: 5, width: 7 };
    const problem = { input, outChannels: 9 };
    const arrays = { input: randomArray(imageSize(input), 1), gradOutput: randomArray(2 * 9 * 35, 2) };
    const [both, apart] = [2, 1].map((weights) => conv1x1GradWeight(problem, variant, weights));
    const gradient = (kernel: Run["kernel"]) => runLinear(device, { what: kernel.name, kernel, arrays, length: 90 });
    const whole = await gradient(apart as Run["kernel"]);
    const halves = [0, 5].flatMap((first) => [...whole].filter((_, i) => i % 10 >= first && i % 10 < first + 5));
    expect([...(await gradient(both as Run["kernel"]))]).toEqual(halves);
  },
);

test("the reference mixes channels and keeps pixels apart", () => {
  const shape = { batch: 1, channels: 2, height: 1, width: 2 };
  expect([...conv1x1Reference([1, 2, 10, 20], shape, [3, 1, 0, 2], 2)]).toEqual([13, 26, 20, 40]);
});

test("more than 2048 read channels do not fit a uniform binding and come from storage", async () => {
  const { forward, input, shape, weight, outChannels } = runsOf(
    { input: { batch: 1, channels: 2049, height: 1, width: 3 }, outChannels: 9 },
    "blocked",
  );
  expect(forward.kernel.source).toContain("var<storage, read> weight: array<vec4f>;");
  await checkRun(device, forward, conv1x1Reference(input, shape, weight, outChannels));
});

test("more workgroups than one dimension holds", async () => {
  const shape = { batch: 1, channels: 1, height: 1500, width: 1501 };
  const input = randomArray(imageSize(shape), 4);
  const kernel = conv1x1({ input: shape, outChannels: 2 }, "plain");
  expect(kernel.launches[0]?.workgroups[1]).toBe(2);
  const run = { what: "folded", kernel, arrays: { input, weight: Float32Array.of(2, -1) }, length: 2 * input.length };
  expectClose(run.what, await runLinear(device, run), conv1x1Reference(input, shape, [2, -1], 2));
});
