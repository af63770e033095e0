import { openNullGpu } from "@lobule/node";
import { beforeAll, describe, expect, test } from "vitest";
import { fromHalf, toHalf } from "../contract/half.js";
import { type ConvolutionProblem, imageSize, type Launch } from "../contract/kernel.js";
import { packHalves, packWeight } from "../contract/packing.js";
import { conv1x1Reference } from "../conv1x1/conv1x1.reference.js";
import { expectClose, randomArray } from "../testing/close.js";
import {
  checkGradient,
  checkHalfStorage,
  checkRun,
  checkStatistics,
  runLinear,
} from "../testing/convolution-checks.js";
import type { Run } from "../testing/convolution-family.js";
import { testDevice } from "../testing/device.js";
import { withEmulatedMatrices } from "../testing/emulated-matrices.js";
import { replaceSlots } from "../transforms/slots.js";
import { momentsSlot, sumsSlot } from "../transforms/statistics.js";
import { hasMatrixProduct, matrixFeature, usesMatrices } from "../transforms/subgroup-matrix.js";
import { withStorageType } from "../transforms/wgsl-text.js";
import { conv3x3QuadFamily } from "./conv3x3.cases.js";
import { conv3x3, conv3x3GradInput, conv3x3GradWeight } from "./conv3x3.js";
import { conv3x3Reference } from "./conv3x3.reference.js";

let device: GPUDevice;
let half = false;
beforeAll(async () => {
  device = await testDevice();
  half = ["shader-f16", "subgroups"].every((feature) => device.features.has(feature));
});

const rounded = (values: Float32Array): Float32Array => fromHalf(toHalf(values));

const packed = (weight: Float32Array, ...layout: Parameters<typeof packHalves>): Float32Array =>
  packWeight(weight, packHalves(...layout));

/** The kernels of a problem with their matrix units emulated, on numbers that f16 holds exactly unless `full`. */
function runsOf({ input: shape, outChannels }: ConvolutionProblem, full = false) {
  const outShape = { ...shape, channels: outChannels };
  const make = (length: number, seed: number) =>
    (full ? randomArray : (l: number, s: number) => rounded(randomArray(l, s)))(length, seed);
  const input = make(imageSize(shape), 1);
  const weight = make(9 * shape.channels * outChannels, 2);
  const gradOutput = make(imageSize(outShape), 3);
  const emulated = (direction: typeof conv3x3) => {
    const kernel = direction({ input: shape, outChannels }, "matrix");
    return { ...kernel, source: withEmulatedMatrices(kernel.source) };
  };
  const forward: Run = {
    what: "conv3x3, matrix",
    kernel: emulated(conv3x3),
    arrays: { input, weight: packed(weight, 9, shape.channels, outChannels, "forward") },
    length: imageSize(outShape),
  };
  const gradInput: Run = {
    what: "conv3x3GradInput, matrix",
    kernel: emulated(conv3x3GradInput),
    arrays: { input: gradOutput, weight: packed(weight, 9, shape.channels, outChannels, "grad-input") },
    length: imageSize(shape),
  };
  const sums = conv3x3GradWeight({ input: shape, outChannels }, "matrix");
  const gradWeight: Run = {
    what: "conv3x3GradWeight, matrix",
    kernel: { ...sums, source: withEmulatedMatrices(sums.source) },
    arrays: { input, gradOutput },
    length: weight.length,
  };
  const lossOf = (x: ArrayLike<number>, taps: ArrayLike<number>): number =>
    conv3x3Reference(x, shape, taps, outChannels).reduce((sum, y, i) => sum + y * (gradOutput[i] as number), 0);
  return {
    shape,
    outShape,
    outChannels,
    input,
    weight,
    forward,
    gradInput,
    gradWeight,
    loss: (point: Float64Array) => lossOf(point, weight),
    lossOfWeight: (point: Float64Array) => lossOf(input, point),
  };
}

describe.each(conv3x3QuadFamily.cases)("$input × $outChannels: $why", (problem) => {
  test("output: exact products of f16, and f16's error for others", async (ctx) => {
    if (!half) ctx.skip("adapter lacks shader-f16 or subgroups");
    const { forward, input, shape, weight, outChannels, outShape } = runsOf(problem);
    await checkRun(device, forward, conv3x3Reference(input, shape, weight, outChannels));
    await checkStatistics(ctx, device, forward, outShape);
    const full = runsOf(problem, true);
    const reference = conv3x3Reference(full.input, shape, full.weight, outChannels);
    expectClose("f32 numbers", await runLinear(device, full.forward), reference, 1e-3);
    await checkHalfStorage(device, full.forward, ["input"], ({ input: stored = new Float32Array() }) =>
      conv3x3Reference(stored, shape, full.weight, outChannels),
    );
  });

  test("input gradient", async (ctx) => {
    if (!half) ctx.skip("adapter lacks shader-f16 or subgroups");
    const { gradInput, loss, input, shape } = runsOf(problem);
    await checkGradient(device, gradInput, loss, input);
    await checkStatistics(ctx, device, gradInput, shape);
  });
});

// Tiles beside and below one another, and blocks of 32 channels, all of them cut.
const strips = {
  why: "several tiles, cut blocks",
  input: { batch: 2, channels: 35, height: 11, width: 36 },
  outChannels: 33,
};
test.for([...conv3x3QuadFamily.cases, strips])("weight gradient, $input × $outChannels: $why", async (problem, ctx) => {
  if (!half) ctx.skip("adapter lacks shader-f16 or subgroups");
  const { gradWeight, lossOfWeight, weight } = runsOf(problem);
  await checkGradient(device, gradWeight, lossOfWeight, weight);
});

test("weight gradient of several tiles a workgroup, f32 and f16 storage", async (ctx) => {
  if (!half) ctx.skip("adapter lacks shader-f16 or subgroups");
  const { gradWeight, lossOfWeight, weight } = runsOf(strips);
  const { kernel } = gradWeight;
  const [launch] = kernel.launches as [Launch];
  const one = {
    ...kernel,
    partials: 1,
    launches: [{ sizes: { ...launch.sizes, partialCount: 1 }, workgroups: [4, 1, 1] as const }],
  };
  await checkGradient(device, { ...gradWeight, kernel: one }, lossOfWeight, weight);
  const { input = [], gradOutput = [] } = gradWeight.arrays;
  const stored = { ...one, source: withStorageType(one.source, "f16") };
  const arrays = { input: toHalf(input), gradOutput: toHalf(gradOutput) };
  expect(await runLinear(device, { ...gradWeight, kernel: stored, arrays })).toEqual(
    await runLinear(device, { ...gradWeight, kernel: one }),
  );
});

test.for(conv3x3QuadFamily.cases)(
  "with a 1×1 convolution beside it, $input × $outChannels: $why",
  async (problem, ctx) => {
    if (!half) ctx.skip("adapter lacks shader-f16 or subgroups");
    const { forward, gradInput, input, weight, shape, outChannels } = runsOf(problem);
    const channels = 19;
    const shortcut = rounded(randomArray(imageSize({ ...shape, channels }), 4));
    const beside = (direction: typeof conv3x3, transposed: boolean) => {
      const kernel = direction(problem, "matrix", { channels, transposed });
      return { ...kernel, source: withEmulatedMatrices(kernel.source) };
    };
    const plus = (a: Float64Array, b: Float64Array) => a.map((value, i) => value + (b[i] as number));
    const ahead = rounded(randomArray(channels * outChannels, 5));
    await checkRun(
      device,
      {
        ...forward,
        what: "conv3x3, matrix, with a shortcut",
        kernel: beside(conv3x3, false),
        arrays: { ...forward.arrays, shortcut, shortcutWeight: packed(ahead, 1, channels, outChannels, "forward") },
      },
      plus(
        conv3x3Reference(input, shape, weight, outChannels),
        conv1x1Reference(shortcut, { ...shape, channels }, ahead, outChannels),
      ),
    );
    // Backward the weight is laid out as [channels, input's channels].
    const back = rounded(randomArray(channels * shape.channels, 6));
    const turned = back.map((_, i) => back[(i % channels) * shape.channels + Math.floor(i / channels)] as number);
    await checkRun(
      device,
      {
        ...gradInput,
        what: "conv3x3GradInput, matrix, with a shortcut",
        kernel: beside(conv3x3GradInput, true),
        arrays: {
          ...gradInput.arrays,
          shortcut,
          shortcutWeight: packed(back, 1, shape.channels, channels, "grad-input"),
        },
      },
      plus(
        await runLinear(device, gradInput),
        conv1x1Reference(shortcut, { ...shape, channels }, turned, shape.channels),
      ),
    );
  },
);

describe("the text for matrix units compiles", () => {
  const problem = { input: { batch: 1, channels: 16, height: 8, width: 16 }, outChannels: 32 };
  const { source } = conv3x3(problem, "matrix");
  const gradWeight = conv3x3GradWeight(problem, "matrix").source;
  const beside = conv3x3(problem, "matrix", { channels: 8, transposed: false }).source;
  let compiler: GPUDevice;
  beforeAll(async () => {
    const adapter = await (await openNullGpu()).requestAdapter();
    const requiredFeatures: GPUFeatureName[] = [matrixFeature as GPUFeatureName, "shader-f16", "subgroups"];
    compiler = (await adapter?.requestDevice({ requiredFeatures })) as GPUDevice;
  });

  const texts = {
    "as it stands": source,
    "with f16 storage": withStorageType(source, "f16"),
    "with a shortcut": beside,
    "with a shortcut and moments, f16 storage": withStorageType(
      replaceSlots(beside, [momentsSlot("parallel", true)]),
      "f16",
    ),
    "with moments": replaceSlots(source, [momentsSlot("parallel", true)]),
    "with sums, f16 storage": withStorageType(
      replaceSlots(source, [sumsSlot("value * 2.0", "parallel", "", true)]),
      "f16",
    ),
    "weight gradient": gradWeight,
    "weight gradient, f16 storage": withStorageType(gradWeight, "f16"),
  };
  test.each(Object.entries(texts))("%s", async (_, code) => {
    expect(usesMatrices(code)).toBe(true);
    const module = compiler.createShaderModule({ code });
    // No pipelines: the backend has the least workgroup memory that WebGPU allows, 16 KiB.
    expect((await module.getCompilationInfo()).messages).toEqual([]);
  });

  test("and with sums of another shape it does not", async () => {
    compiler.pushErrorScope("validation");
    const module = compiler.createShaderModule({ code: source.replace("result<f32, 16, 16>", "result<f32, 8, 16>") });
    const { messages } = await module.getCompilationInfo();
    expect(messages.some(({ type }) => type === "error")).toBe(true);
    expect(await compiler.popErrorScope()).not.toBeNull();
  });
});

test("of what an adapter lists only f16 products of 16 × 16 × 16 with sums in f32 will do", () => {
  const wanted = { componentType: "f16", resultComponentType: "f32", M: 16, N: 16, K: 16 };
  expect(hasMatrixProduct([{ ...wanted, N: 8 }, wanted])).toBe(true);
  for (const other of [{ resultComponentType: "f16" }, { componentType: "i8" }, { M: 8 }, { N: 8 }, { K: 8 }]) {
    expect(hasMatrixProduct([{ ...wanted, ...other }])).toBe(false);
  }
  expect(hasMatrixProduct([])).toBe(false);
});

test("a text without matrix units cannot have them emulated", () => {
  expect(() => withEmulatedMatrices("fn main() {}")).toThrow(/enables no subgroup matrices/);
});
