import { describe, expect, test } from "vitest";
import { channelStatistics } from "../channel-statistics/channel-statistics.js";
import { pasteSlots } from "../shared/slots.js";
import { momentsSlot, sumsSlot } from "../shared/statistics.js";
import { directionalDerivative, expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { batchNormCases } from "./batch-norm.cases.js";
import { batchNormEval, batchNormFinish, batchNormGradFinish } from "./batch-norm.js";
import { batchNormReference } from "./batch-norm.reference.js";

const epsilon = 1e-5;
const momentum = 0.1;
type Case = (typeof batchNormCases)[number];

function inputsOf({ batch, channels, pixels, scale, mean }: Case) {
  const x = randomArray(batch * channels * pixels, 1, scale).map((value) => value + mean);
  return { x, weight: randomArray(channels, 2), bias: randomArray(channels, 3), gradOutput: randomArray(x.length, 4) };
}

/** Coefficients of a case, by way of the statistics slot. */
async function finish(one: Case) {
  const device = await testDevice();
  const { x, weight, bias } = inputsOf(one);
  const { batch, channels, pixels } = one;
  const kernel = channelStatistics({ batch, channels, height: 1, width: pixels });
  const partials = kernel.statistics?.partials ?? 0;
  const moments = { ...kernel, source: pasteSlots(kernel.source, [momentsSlot]) };
  const { statistics } = await runKernel(
    device,
    moments,
    { input: x, statistics: new Float32Array(partials * channels * 4) },
    ["statistics"],
  );
  const results = await runKernel(
    device,
    batchNormFinish({ channels, partials, epsilon, momentum }),
    {
      statistics,
      weight,
      bias,
      runningMean: new Float32Array(channels).fill(0.5),
      runningVariance: new Float32Array(channels).fill(2),
      coefficients: new Float32Array(channels * 4),
    },
    ["coefficients", "runningMean", "runningVariance"],
  );
  return { ...results, partials };
}

const normalize = (x: Float32Array, coefficients: ArrayLike<number>, { channels, pixels }: Case): number[] =>
  Array.from(x, (value, i) => {
    const c = (Math.floor(i / pixels) % channels) * 4;
    return (value - (coefficients[c + 2] as number)) * (coefficients[c] as number) + (coefficients[c + 1] as number);
  });

test("the reference agrees with values worked by hand", () => {
  const shape = { batch: 1, channels: 1, pixels: 4 };
  const { y, mean, variance } = batchNormReference([1, 3, 5, 7], shape, [2], [10], 0);
  expect([mean[0], variance[0]]).toEqual([4, 5]);
  expect(y[3]).toBeCloseTo(10 + (2 * 3) / Math.sqrt(5), 12);
});

describe.each(batchNormCases)("batch norm: $why", (one) => {
  const { batch, channels, pixels } = one;

  test("normalises and moves the running statistics as PyTorch does, twice to the same bits", async () => {
    const { x, weight, bias } = inputsOf(one);
    const got = await finish(one);
    const { y, mean, variance } = batchNormReference(x, one, weight, bias, epsilon);
    expectClose("y", normalize(x, got.coefficients, one), y);
    const count = batch * pixels;
    expectClose(
      "running mean",
      got.runningMean,
      mean.map((value) => 0.9 * 0.5 + 0.1 * value),
    );
    expectClose(
      "running variance",
      got.runningVariance,
      variance.map((value) => 0.9 * 2 + (0.1 * value * count) / (count - 1)),
    );
    expect(await finish(one)).toEqual(got);
  });

  test("gradients are those of the float64 reference", async () => {
    const device = await testDevice();
    const { x, weight, bias, gradOutput } = inputsOf(one);
    const { coefficients } = await finish(one);
    const kernel = channelStatistics({ batch, channels, height: 1, width: pixels });
    const partials = kernel.statistics?.partials ?? 0;
    const source = pasteSlots(kernel.source, [
      {
        bindings: ["var<storage, read> values: array<f32>;", "var<storage, read> coefficients: array<vec4f>;"],
        definitions: {
          OutputChannel: "struct OutputChannel { base: u32, k: vec4f }",
          prepareOutput:
            "fn prepareOutput(n: u32, c: u32) -> OutputChannel { return OutputChannel((n * sizes.channels + c) * sizes.width, coefficients[c]); }",
        },
      },
      sumsSlot("value * ((values[channel.base + pixel] - channel.k.z) * channel.k.w)"),
    ]);
    const { statistics } = await runKernel(
      device,
      { ...kernel, source },
      { input: gradOutput, values: x, coefficients, statistics: new Float32Array(partials * channels * 4) },
      ["statistics"],
    );
    const grads = await runKernel(
      device,
      batchNormGradFinish({ channels, partials, trainingStatistics: true }),
      {
        statistics,
        coefficients,
        gradCoefficients: new Float32Array(channels * 4),
        gradWeight: new Float32Array(channels),
        gradBias: new Float32Array(channels),
      },
      ["gradCoefficients", "gradWeight", "gradBias"],
    );
    const gradX = Array.from(gradOutput, (g, i) => {
      const c = (Math.floor(i / pixels) % channels) * 4;
      const k = (j: number): number => grads.gradCoefficients[c + j] as number;
      return k(0) * g + k(1) * ((x[i] as number) - k(3)) + k(2);
    });
    const loss = (values: Float64Array, w: ArrayLike<number>, b: ArrayLike<number>): number =>
      batchNormReference(values, one, w, b, epsilon).y.reduce(
        (sum, value, i) => sum + value * (gradOutput[i] as number),
        0,
      );
    const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
      Array.from(a).reduce((sum, value, i) => sum + value * (b[i] as number), 0);
    const norm = (a: ArrayLike<number>): number => Math.sqrt(dot(a, a));
    const points = { x, weight, bias };
    const gradients = { x: gradX, weight: grads.gradWeight, bias: grads.gradBias };
    for (const name of ["x", "weight", "bias"] as const) {
      const direction = Float64Array.from(randomArray(points[name].length, 7));
      const expected = directionalDerivative(
        (p) =>
          loss(name === "x" ? p : Float64Array.from(x), name === "weight" ? p : weight, name === "bias" ? p : bias),
        Float64Array.from(points[name]),
        direction,
        1e-6 * (name === "x" ? one.scale : 1),
      );
      // Where the true gradient cancels (two values a channel), what counts is the size of the terms k₀·g.
      const terms = Array.from(
        gradOutput,
        (g, i) => g * (grads.gradCoefficients[(Math.floor(i / pixels) % channels) * 4] as number),
      );
      const size = norm(direction) * (norm(gradients[name]) + (name === "x" ? 0.05 * norm(terms) : 0));
      expect(Math.abs(dot(gradients[name], direction) - expected) / size, name).toBeLessThan(1e-5);
    }
  });
});

test("evaluation uses the running statistics", async () => {
  const { coefficients } = await runKernel(
    await testDevice(),
    batchNormEval({ channels: 2, epsilon: 0 }),
    {
      weight: Float32Array.of(3, 1),
      bias: Float32Array.of(5, 6),
      runningMean: Float32Array.of(7, 8),
      runningVariance: Float32Array.of(4, 16),
      coefficients: new Float32Array(8),
    },
    ["coefficients"],
  );
  expect([...coefficients]).toEqual([1.5, 5, 7, 0.5, 0.25, 6, 8, 0.25]);
});
