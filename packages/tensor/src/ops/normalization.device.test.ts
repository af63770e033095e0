import { beforeAll, describe, expect, test } from "vitest";
import type { Device } from "../device/device.js";
import { type GradientCheck, gradientError } from "../device/gradient-error.js";
import { constant } from "../graph/apply.js";
import { applyPointwise } from "../graph/named.js";
import type { Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { DegenerateNormError, type Shape } from "../shape.js";
import { testDevice } from "../testing/device.js";
import { batchNorm } from "./batch-norm.js";
import { reshape, sliceChannels } from "./channels.js";
import { globalAveragePool } from "./global-average-pool.js";
import { groupNorm } from "./group-norm.js";
import { leakyRelu, multiply, silu } from "./pointwise.js";
import { randomBernoulli } from "./random.js";
import { transpose } from "./transpose.js";
import { upsampleBilinear2x } from "./upsample-bilinear.js";

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const values = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.fround(Math.sin(1.7 * i + seed) + 0.3 * Math.cos(0.9 * i * i + seed)));

const checkGradients = async <const Shapes extends readonly Shape[]>(
  f: Parameters<typeof gradientError<Shapes>>[1],
  inputs: GradientCheck<Shapes>["inputs"],
): Promise<void> => expect(await gradientError(device, f, { inputs })).toBeLessThan(5e-3);

describe("group normalization", () => {
  const shape = [2, 6, 3, 5] as const;
  const x = values(180, 1);
  const [weight, bias] = [values(6, 2), values(6, 3)];

  test.each([1, 2, 6])("%d groups: mean 0 and variance 1 within each, then γ and β", async (groups) => {
    const y = groupNorm(constant(x, shape), {
      weight: constant(weight, [6]),
      bias: constant(bias, [6]),
      groups,
      epsilon: 1e-5,
    });
    const got = (await device.evaluate({ y })).y;
    const length = 180 / 2 / groups;
    for (let group = 0; group < 2 * groups; group++) {
      const part = x.subarray(group * length, (group + 1) * length);
      const mean = part.reduce((total, value) => total + value, 0) / length;
      const variance = part.reduce((total, value) => total + (value - mean) ** 2, 0) / length;
      part.forEach((value, i) => {
        const at = group * length + i;
        const c = Math.floor(at / 15) % 6;
        const expected = ((value - mean) / Math.sqrt(variance + 1e-5)) * (weight[c] as number) + (bias[c] as number);
        expect(got[at]).toBeCloseTo(expected, 5);
      });
    }
  });

  test("gradients", () =>
    checkGradients(
      (input, w, b) => groupNorm(input, { weight: w, bias: b, groups: 3, epsilon: 1e-5 }),
      [
        { data: x, shape },
        { data: weight, shape: [6] },
        { data: bias, shape: [6] },
      ],
    ));

  test("what cannot be is refused with what can", () => {
    const options = { weight: constant(weight, [6]), bias: constant(bias, [6]), epsilon: 1e-5 };
    const image = constant(x, shape);
    expect(() => groupNorm(image, { ...options, groups: 4 })).toThrow(
      "groupNorm: 4 groups do not divide the 6 channels of x [2, 6, 3, 5]",
    );
    expect(() => groupNorm(constant(values(12, 1), [2, 6, 1, 1]), { ...options, groups: 6 })).toThrow(
      DegenerateNormError,
    );
    const running = (name: string) => new Variable(name, [6], Float32Array.from(weight), "statistic");
    const batched = { ...options, runningMean: running("m"), runningVariance: running("v"), momentum: 0.1 };
    const pixel = constant(values(6, 1), [1, 6, 1, 1]);
    expect(() => batchNorm(pixel, { ...batched, training: true })).toThrow(DegenerateNormError);
    expect(() => batchNorm(pixel, { ...batched, training: true })).toThrow(
      /^batchNorm: x \[1, 6, 1, 1\] has one value in a channel, .* leaves nothing; train on more than one image/,
    );
    // By the running statistics, of two images, or of two pixels there is something to normalize.
    batchNorm(pixel, { ...batched, training: false });
    for (const two of [
      [2, 6, 1, 1],
      [1, 6, 1, 2],
    ] as const)
      batchNorm(constant(values(12, 1), two), { ...batched, training: true });
    // @ts-expect-error: the types refuse it too
    expect(() => groupNorm(image, { ...options, weight: constant([1], [1]), groups: 2 })).toThrow(
      /has 6 channels, weight is \[1\]/,
    );
  });
});

test("activations: values and gradients away from the kink", async () => {
  const x = [-2, -0.5, 0.25, 1, 3, -7];
  const got = await device.evaluate({ leaky: leakyRelu(constant(x, [6]), 0.25), smooth: silu(constant(x, [6])) });
  expect([...got.leaky]).toEqual([-0.5, -0.125, 0.25, 1, 3, -1.75]);
  x.forEach((value, i) => {
    expect(got.smooth[i]).toBeCloseTo(value / (1 + Math.exp(-value)), 6);
  });
  const data = Float32Array.from(x);
  await checkGradients((input) => leakyRelu(input, 0.1), [{ data, shape: [1, 6] }]);
  await checkGradients(silu, [{ data, shape: [1, 6] }]);
  expect(() => leakyRelu(constant(x, [6]), 0)).toThrow("the slope must be above 0, got 0");
});

test("global average pooling", async () => {
  const x = values(2 * 3 * 4 * 5, 4);
  const { y } = await device.evaluate({ y: globalAveragePool(constant(x, [2, 3, 4, 5])) });
  for (let plane = 0; plane < 6; plane++) {
    const part = x.subarray(plane * 20, plane * 20 + 20);
    expect(y[plane]).toBeCloseTo(part.reduce((total, value) => total + value, 0) / 20, 5);
  }
  await checkGradients((input) => globalAveragePool(input), [{ data: x, shape: [2, 3, 4, 5] }]);
});

test("a wrong gradient is found", async () => {
  const wrong = (x: Tensor): Tensor =>
    applyPointwise({
      name: "double",
      inputs: { x },
      shape: x.shape,
      wgsl: (args) => `(2.0 * ${args.x})`,
      gradient: (g) => ({ x: g }),
    });
  expect(await gradientError(device, wrong, { inputs: [{ data: values(6, 1), shape: [6] }] })).toBeGreaterThan(0.1);
});

test("a broadcast over the pixels takes its gradient from all of them", () =>
  checkGradients(
    (x, factor) => multiply(x, factor),
    [
      { data: values(48, 1), shape: [2, 3, 2, 4] },
      { data: values(6, 2), shape: [2, 3, 1, 1] },
    ],
  ));

test("one channel of a slice, or with coefficients of its own, is repeated over channels", async () => {
  const x = values(96, 1);
  const image = constant(x, [2, 4, 3, 4]);
  const statistic = (value: number) => new Variable("statistic", [1], Float32Array.of(value), "statistic");
  const second = sliceChannels(image, 1, 2);
  const normalized = batchNorm(second, {
    weight: constant([2], [1]),
    bias: constant([0.5], [1]),
    runningMean: statistic(0.25),
    runningVariance: statistic(4),
    training: false,
    epsilon: 0,
    momentum: 0.1,
  });
  const got = await device.evaluate({ sliced: multiply(image, second), normalized: multiply(image, normalized) });
  x.forEach((value, i) => {
    const [n, pixel] = [Math.floor(i / 48), i % 12];
    const factor = x[n * 48 + 12 + pixel] as number;
    expect(got.sliced[i]).toBeCloseTo(value * factor, 5);
    expect(got.normalized[i]).toBeCloseTo(value * ((2 * (factor - 0.25)) / 2 + 0.5), 5);
  });
});

test("transposition and up-sampling have gradients", async () => {
  await checkGradients(transpose, [{ data: values(30, 1), shape: [2, 3, 5] }]);
  await checkGradients((x) => upsampleBilinear2x(x), [{ data: values(24, 2), shape: [1, 2, 3, 4] }]);
  const { back } = await device.evaluate({ back: transpose(transpose(constant(values(30, 1), [2, 3, 5]))) });
  expect([...back]).toEqual([...values(30, 1)]);
  expect(() => transpose(constant([1], [1]))).toThrow("transpose: x [1] has fewer than two axes");
});

test("Bernoulli numbers: the share that was asked for, and the same under the same seed", async () => {
  const draw = (seed: number, probability: number) => randomBernoulli([4000], { seed: [seed], probability });
  const got = await device.evaluate({
    some: draw(1, 0.25),
    again: reshape(draw(1, 0.25), [4000]),
    other: draw(2, 0.25),
    never: draw(1, 0),
    always: draw(1, 1),
  });
  const share = (drawn: ArrayLike<number>): number =>
    Array.from(drawn).reduce((total, value) => total + value, 0) / 4000;
  expect(Math.abs(share(got.some) - 0.25)).toBeLessThan(0.03);
  expect(new Set(got.some)).toEqual(new Set([0, 1]));
  expect(got.again).toEqual(got.some);
  expect(got.other).not.toEqual(got.some);
  expect([share(got.never), share(got.always)]).toEqual([0, 1]);
  expect(() => draw(1, 1.5)).toThrow("the probability must be from 0 to 1, got 1.5");
});
