import { beforeAll, describe, expect, test } from "vitest";
import { channelStatistics } from "../channel-statistics/channel-statistics.js";
import { type ImageShape, imageSize, type Kernel, type Reduction } from "../contract/kernel.js";
import type { SlotText } from "../contract/slots.js";
import { pointwise } from "../pointwise/pointwise.js";
import { directionalDerivative, expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { type HostArray, runKernel } from "../testing/runner.js";
import { replaceSlots } from "../transforms/slots.js";
import { momentsSlot, sumsSlot } from "../transforms/statistics.js";
import { replaceConstant } from "../transforms/wgsl-text.js";
import { batchNormCases } from "./batch-norm.cases.js";
import { batchNormEval, batchNormFinish, batchNormGradFinish } from "./batch-norm.js";
import { batchNormReference, momentsReference, normalizeReference, runningReference } from "./batch-norm.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

const momentum = 0.1;
const empty = (length: number): Float32Array => new Float32Array(length).fill(Number.NaN);

async function run<Output extends string>(
  kernel: Kernel,
  arrays: Readonly<Record<string, HostArray>>,
  outputs: readonly Output[],
): Promise<Record<Output, Float32Array>> {
  return (await runKernel(device, kernel, arrays, outputs)) as Record<Output, Float32Array>;
}

const paste = (kernel: Kernel, ...slots: readonly SlotText[]): Kernel => ({
  ...kernel,
  source: replaceSlots(kernel.source, slots),
});

/** A load that applies an expression of `value` and of `k`, a vector of the channel. */
const coefficientLoad = (vector: string, expression: string, bindings: readonly string[] = []): SlotText => ({
  bindings: [`var<storage, read> ${vector}: array<vec4f>;`, ...bindings],
  definitions: {
    InputChannel: "struct InputChannel { base: u32, k: vec4f }",
    prepareInput: `fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.channels + c) * sizes.height * sizes.width, ${vector}[c]);
}`,
    loadInput: `fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  let value = input[channel.base + pixel];
  let k = channel.k;
  return ${expression};
}`,
  },
});

/** Σ g and Σ g·x̂ of the gradient g that is loaded. */
const gradientSums = ((): SlotText => {
  const sums = sumsSlot("value * ((x[channel.base + pixel] - channel.k.z) * channel.k.w)", "parallel");
  return {
    bindings: [...sums.bindings, "var<storage, read> x: array<f32>;", "var<storage, read> coefficients: array<vec4f>;"],
    definitions: {
      ...sums.definitions,
      OutputChannel: "struct OutputChannel { base: u32, k: vec4f }",
      prepareOutput: `fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.channels + c) * sizes.height * sizes.width, coefficients[c]);
}`,
      addToStatistics: (sums.definitions.addToStatistics as string).replace("x: u32, pixel", "column: u32, pixel"),
    },
  };
})();

const normalize = async (shape: ImageShape, x: Float32Array, coefficients: Float32Array): Promise<Float32Array> => {
  const kernel = paste(pointwise(shape), coefficientLoad("coefficients", "(value - k.z) * k.x + k.y"));
  return (await run(kernel, { input: x, coefficients, output: empty(x.length) }, ["output"])).output;
};

async function partialSums(shape: ImageShape, slot: SlotText, arrays: Record<string, HostArray>) {
  const kernel = channelStatistics(shape);
  const partials = kernel.statistics?.partials ?? 0;
  const statistics = empty(partials * shape.channels * 4);
  const results = await run(paste(kernel, slot), { ...arrays, statistics }, ["statistics"]);
  return { partials, statistics: results.statistics };
}

/** How partial results are merged: by which reduction, and by how many invocations if not by as many as usual. */
interface Merging {
  readonly reduction: Reduction;
  readonly lanes?: number | undefined;
}

const merging = (kernel: Kernel, { reduction, lanes }: Merging): Kernel =>
  lanes === undefined || reduction !== "parallel"
    ? kernel
    : { ...kernel, source: replaceConstant(kernel.source, "LANES", lanes) };

async function gradients(
  shape: ImageShape,
  { x, g, coefficients }: Readonly<Record<"x" | "g" | "coefficients", Float32Array>>,
  trainingStatistics: boolean,
  merged: Merging,
) {
  const { channels } = shape;
  const { partials, statistics } = await partialSums(shape, gradientSums, { input: g, x, coefficients });
  const finished = await run(
    merging(batchNormGradFinish({ channels, partials, trainingStatistics }, merged.reduction), merged),
    {
      statistics,
      coefficients,
      gradCoefficients: empty(channels * 4),
      gradWeight: empty(channels),
      gradBias: empty(channels),
    },
    ["gradCoefficients", "gradWeight", "gradBias"],
  );
  const load = coefficientLoad("gradCoefficients", "k.x * value + (k.y * (x_[channel.base + pixel] - k.w) + k.z)", [
    "var<storage, read> x_: array<f32>;",
  ]);
  const arrays = { input: g, x_: x, gradCoefficients: finished.gradCoefficients, output: empty(x.length) };
  return { ...finished, gradX: (await run(paste(pointwise(shape), load), arrays, ["output"])).output };
}

/**
 * Checks a gradient against central differences, element by element when there are few, else along random directions.
 * The error is relative to `size`, the norm of the terms that the gradient is a difference of.
 */
function expectGradient(
  gradient: Float32Array,
  loss: (point: Float64Array) => number,
  point: ArrayLike<number>,
  size: number,
  step: number,
): void {
  const at = Float64Array.from(point);
  if (at.length <= 1100) {
    const differences = gradient.map((value, i) => {
      const direction = new Float64Array(at.length);
      direction[i] = 1;
      return (value - directionalDerivative(loss, at, direction, step)) / size;
    });
    expectClose("gradient", differences, new Float64Array(at.length));
    return;
  }
  for (let seed = 1; seed <= 3; seed++) {
    const direction = Float64Array.from(randomArray(at.length, 900 + seed));
    const got = gradient.reduce((sum, value, i) => sum + value * (direction[i] as number), 0);
    const expected = directionalDerivative(loss, at, direction, step);
    // The direction's elements have variance 1: an error of norm e shows as about e.
    expectClose("gradient", [(got - expected) / size], [0]);
  }
}

const norm = (a: Float32Array): number => Math.sqrt(a.reduce((sum, value) => sum + value ** 2, 0));

const dot = (a: ArrayLike<number>, b: Float64Array): number =>
  b.reduce((sum, value, i) => sum + value * (a[i] as number), 0);

test("references, by hand", () => {
  const shape = { batch: 2, channels: 1, height: 1, width: 2 };
  const moments = momentsReference([1, 3, 5, 7], shape);
  expect([...moments.mean, ...moments.variance]).toEqual([4, 5]);
  const affine = { weight: [6], bias: [1], epsilon: 4 };
  expect([...batchNormReference([1, 3, 5, 7], shape, affine)]).toEqual([-5, -1, 3, 7]);
  const running = runningReference({ mean: [0], variance: [1] }, moments, 4, 0.5);
  expect([...running.mean, ...running.variance]).toEqual([2, 0.5 + 10 / 3]);
});

const reductions: readonly Reduction[] = ["parallel", "serial"];

test.each(reductions)("merging partials by hand: 2, 4 and 6, 8 among empty ones, %s", async (reduction) => {
  const statistics = Float32Array.of(0, 0, 0, 0, 2, 3, 2, 0, 0, 0, 0, 0, 2, 7, 2, 0);
  const arrays = {
    statistics,
    weight: Float32Array.of(3),
    bias: Float32Array.of(7),
    coefficients: empty(4),
    runningMean: Float32Array.of(0),
    runningVariance: Float32Array.of(0),
  };
  const results = await run(
    batchNormFinish({ channels: 1, partials: 4, epsilon: 4, momentum: 0.5 }, reduction),
    arrays,
    [...(["coefficients", "runningMean", "runningVariance"] as const)],
  );
  expectClose("coefficients", results.coefficients, [1, 7, 5, 1 / 3], 1e-6);
  expectClose("running", [...results.runningMean, ...results.runningVariance], [2.5, 10 / 3], 1e-6);
});

const problems = batchNormCases.flatMap((each) => reductions.map((reduction) => ({ ...each, reduction })));

describe.each(problems)("$why, $reduction", ({ shape, mean, deviation, epsilon, reduction, lanes }) => {
  const { channels } = shape;
  const merged = { reduction, lanes };
  const length = imageSize(shape);
  const x = randomArray(length, 1, deviation).map((value) => value + mean);
  const g = randomArray(length, 2);
  const weight = randomArray(channels, 3).map((value) => value + 1.5);
  const bias = randomArray(channels, 4);
  const running = { mean: randomArray(channels, 5), variance: randomArray(channels, 6).map((value) => 1 + value ** 2) };
  const affine = { weight, bias, epsilon };
  const step = 1e-5 * Math.hypot(deviation, Math.sqrt(epsilon));

  /** ‖weight·inverseDeviation·g‖: what ∂x would be if mean and variance were constants. */
  const directSize = (coefficients: Float32Array): number => {
    const pixels = shape.height * shape.width;
    return Math.sqrt(
      g.reduce(
        (sum, value, i) => sum + (value * (coefficients[4 * (Math.floor(i / pixels) % channels)] as number)) ** 2,
        0,
      ),
    );
  };

  const train = async () => {
    const { partials, statistics } = await partialSums(shape, momentsSlot("parallel"), { input: x });
    const arrays = {
      statistics,
      weight,
      bias,
      runningMean: running.mean,
      runningVariance: running.variance,
      coefficients: empty(channels * 4),
    };
    const finish = merging(batchNormFinish({ channels, partials, epsilon, momentum }, reduction), merged);
    const finished = await run(finish, arrays, [...(["coefficients", "runningMean", "runningVariance"] as const)]);
    const y = await normalize(shape, x, finished.coefficients);
    return {
      ...finished,
      y,
      ...(await gradients(shape, { x, g, coefficients: finished.coefficients }, true, merged)),
    };
  };

  test("training: output, running statistics and gradients, and the same bits twice", async () => {
    const got = await train();
    expectClose("y", got.y, batchNormReference(x, shape, affine));
    const moved = runningReference(running, momentsReference(x, shape), length / channels, momentum);
    expectClose("running mean", got.runningMean, moved.mean);
    expectClose("running variance", got.runningVariance, moved.variance);

    expectGradient(
      got.gradX,
      (point) => dot(g, batchNormReference(point, shape, affine)),
      x,
      directSize(got.coefficients),
      step,
    );
    const moments = momentsReference(x, shape);
    const ofAffine = (change: { weight: ArrayLike<number> } | { bias: ArrayLike<number> }) =>
      dot(g, normalizeReference(x, shape, moments, { ...affine, ...change }));
    expectGradient(got.gradWeight, (point) => ofAffine({ weight: point }), weight, norm(g), 1e-3);
    expectGradient(got.gradBias, (point) => ofAffine({ bias: point }), bias, norm(g), 1e-3);

    const again = await train();
    for (const name of Object.keys(got) as (keyof typeof got)[]) {
      expect([name, again[name].findIndex((value, i) => value !== got[name][i])]).toEqual([name, -1]);
    }
  });

  test("evaluation: output and gradients", async () => {
    const arrays = {
      weight,
      bias,
      runningMean: running.mean,
      runningVariance: running.variance,
      coefficients: empty(channels * 4),
    };
    const { coefficients } = await run(batchNormEval({ channels, epsilon }), arrays, ["coefficients"]);
    expectClose("y", await normalize(shape, x, coefficients), normalizeReference(x, shape, running, affine));
    const { gradX, gradWeight, gradBias } = await gradients(shape, { x, g, coefficients }, false, merged);
    const loss = (point: ArrayLike<number>, change = {}) =>
      dot(g, normalizeReference(point, shape, running, { ...affine, ...change }));
    expectGradient(gradX, loss, x, directSize(coefficients), 1e-3);
    expectGradient(gradWeight, (point) => loss(x, { weight: point }), weight, norm(g) * (1 + Math.abs(mean)), 1e-3);
    expectGradient(gradBias, (point) => loss(x, { bias: point }), bias, norm(g), 1e-3);
  });
});
