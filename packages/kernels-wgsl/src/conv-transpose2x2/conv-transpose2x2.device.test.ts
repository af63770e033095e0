import { beforeAll, describe, expect, test } from "vitest";
import { type ConvolutionProblem, imageSize } from "../contract/kernel.js";
import { packWeight } from "../contract/packing.js";
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
import { convTranspose2x2Cases } from "./conv-transpose2x2.cases.js";
import {
  type ConvTranspose2x2Variant,
  convTranspose2x2,
  convTranspose2x2GradInput,
  convTranspose2x2GradWeight,
  packConvTranspose2x2,
} from "./conv-transpose2x2.js";
import { convTranspose2x2Reference } from "./conv-transpose2x2.reference.js";

let device: GPUDevice;
let eight = false;
beforeAll(async () => {
  device = await testDevice();
  eight = await hasSubgroupsOfEight();
});

const variants: readonly ConvTranspose2x2Variant[] = ["plain", "blocked", "subgroup"];

/** The three kernels of a problem on the same random arrays. */
function runsOf(problem: ConvolutionProblem, variant: ConvTranspose2x2Variant) {
  const { input: shape, outChannels } = problem;
  const outShape = { ...shape, channels: outChannels, height: 2 * shape.height, width: 2 * shape.width };
  const input = randomArray(imageSize(shape), 1);
  const weight = randomArray(4 * shape.channels * outChannels, 2);
  const gradOutput = randomArray(imageSize(outShape), 3);
  const weightFor = (direction: "forward" | "grad-input") =>
    variant !== "blocked" ? weight : packWeight(weight, packConvTranspose2x2(shape.channels, outChannels, direction));
  const forward: Run = {
    what: `convTranspose2x2, ${variant}`,
    kernel: convTranspose2x2(problem, variant),
    arrays: { input, weight: weightFor("forward") },
    length: imageSize(outShape),
  };
  const gradInput: Run = {
    what: `convTranspose2x2GradInput, ${variant}`,
    kernel: convTranspose2x2GradInput(problem, variant),
    arrays: { input: gradOutput, weight: weightFor("grad-input") },
    length: imageSize(shape),
  };
  const gradWeightBy = (way: "plain" | "blocked" | "serial" | "tiled"): Run => ({
    what: `convTranspose2x2GradWeight, ${way}`,
    kernel: convTranspose2x2GradWeight(problem, way),
    arrays: { input, gradOutput },
    length: weight.length,
  });
  const gradWeight = gradWeightBy(variant === "plain" ? variant : "blocked");
  const gradWeightSerial = gradWeightBy("serial");
  const gradWeightTiled = gradWeightBy("tiled");
  const dot = (y: Float64Array) => y.reduce((sum, value, i) => sum + value * (gradOutput[i] as number), 0);
  return {
    shape,
    outChannels,
    input,
    weight,
    forward,
    gradInput,
    gradWeight,
    gradWeightSerial,
    gradWeightTiled,
    lossOfInput: (point: Float64Array) => dot(convTranspose2x2Reference(point, shape, weight, outChannels)),
    lossOfWeight: (point: Float64Array) => dot(convTranspose2x2Reference(input, shape, point, outChannels)),
  };
}

describe.each(convTranspose2x2Cases)("$input × $outChannels: $why", (problem) => {
  test.for(variants)("output, %s", async (variant, ctx) => {
    if (variant === "subgroup" && !eight) ctx.skip("adapter has no subgroups of 8");
    const { forward, input, shape, weight, outChannels } = runsOf(problem, variant);
    await checkRun(device, forward, convTranspose2x2Reference(input, shape, weight, outChannels));
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

describe.each(convTranspose2x2Cases)(
  "weight gradient without barriers and by tiles, $input × $outChannels: $why",
  (problem) => {
    test("gradient, and the same bits twice", async () => {
      const { gradWeightSerial, gradWeightTiled, lossOfWeight, weight } = runsOf(problem, "blocked");
      for (const run of [gradWeightSerial, gradWeightTiled]) {
        await checkGradient(device, run, lossOfWeight, weight);
        await checkRun(device, run, await runLinear(device, run));
      }
    });
  },
);

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
      convTranspose2x2Reference(input, shape, weight, outChannels),
    );
    for (const run of [gradWeight, gradWeightSerial, gradWeightTiled])
      await checkHalfStorage(device, run, ["input", "gradOutput"], ({ input = new Float32Array(), gradOutput }) =>
        weight.map((_, i) => {
          const unit = weight.map((_value, j) => (i === j ? 1 : 0));
          return convTranspose2x2Reference(input, shape, unit, outChannels).reduce(
            (sum, value, at) => sum + value * (gradOutput?.[at] as number),
            0,
          );
        }),
      );
  });
});

test("the reference spreads each pixel over 2 × 2", () => {
  const shape = { batch: 1, channels: 1, height: 1, width: 2 };
  expect([...convTranspose2x2Reference([1, 10], shape, [1, 2, 3, 4], 1)]).toEqual([1, 2, 10, 20, 3, 4, 30, 40]);
});
