import { describe, expect, test } from "vitest";
import { gradientError } from "../device/gradient-error.js";
import { constant } from "../graph/apply.js";
import type { Image, Tensor } from "../graph/tensor.js";
import { testDevice } from "../testing/device.js";
import { averagePool, repeatPixels } from "./average-pool.js";
import { conv2d, convTranspose2d } from "./conv2d.js";
import { conv3x3 } from "./convolution.js";
import { gradients } from "./gradients.js";
import { multiply, relu, scale } from "./pointwise.js";
import { sum } from "./sum.js";

const values = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.fround(Math.sin(1.7 * i + seed) + 0.3 * Math.cos(0.9 * i * i + seed)));

type Weight = Tensor<readonly [2, 2, 3, 3], "f32">;
const shape = [1, 2, 5, 4] as const;
const input = { data: values(40, 1), shape };
const weight = { data: values(36, 2), shape: [2, 2, 3, 3] as const };
const strided = { stride: [2, 1], padding: [1, 1] } as const;

describe("convolution of any window", () => {
  test("with stride 2 it has every second pixel of the one without", async () => {
    const device = await testDevice();
    const [x, w] = [constant(input.data, shape), constant(weight.data, weight.shape)];
    const { all, some } = await device.evaluate({
      all: conv3x3(x, w),
      some: conv2d(x, w, { stride: [2, 2], padding: [1, 1] }),
    });
    const expected = [0, 1].flatMap((c) => [0, 2, 4].flatMap((y) => [0, 2].map((at) => all[(c * 5 + y) * 4 + at])));
    expected.forEach((value = Number.NaN, i) => {
      expect(some[i]).toBeCloseTo(value, 5);
    });
  });

  test("transposed with kernel and stride 1×2 each pixel becomes two of a row", async () => {
    const device = await testDevice();
    const x = constant([1, 10, 100, 1000], [1, 1, 2, 2]);
    const y = convTranspose2d(x, constant([1, 2], [1, 1, 1, 2]), { stride: [1, 2] });
    expect(y.shape).toEqual([1, 1, 2, 4]);
    expect([...(await device.evaluate({ y })).y]).toEqual([1, 2, 10, 20, 100, 200, 1000, 2000]);
  });

  test("blocks have their means and give them back", async () => {
    const device = await testDevice();
    const means = averagePool(constant([1, 3, 5, 7, 9, 11, 2, 4, 6, 8], [1, 2, 1, 5]), [1, 2]);
    const { mean, spread } = await device.evaluate({ mean: means, spread: repeatPixels(means, [2, 1]) });
    expect([...mean]).toEqual([2, 6, 6.5, 5]);
    expect([...spread]).toEqual([2, 6, 2, 6, 6.5, 5, 6.5, 5]);
  });

  const twice = (x: Image<2>, w: Weight): Image => conv2d(relu(conv2d(scale(x, 0.5), w, strided)), w, strided);
  const transposedTwice = (x: Image<2>, w: Weight): Image =>
    scale(convTranspose2d(relu(convTranspose2d(x, w, strided)), w, strided), 0.1);

  test.each([
    ["forward", twice],
    ["transposed", transposedTwice],
  ])("%s: gradients are central differences, in the loads and stores of others too", async (_, of) => {
    const error = await gradientError(await testDevice(), of, { inputs: [input, weight] });
    expect(error).toBeLessThan(5e-3);
  });

  test("so are the gradients of its gradients", async () => {
    const device = await testDevice();
    const error = await gradientError(
      device,
      (x, w) => {
        const y = conv2d(x, w, strided);
        const [dx, dw] = gradients(sum(multiply(y, y)), [x, w]);
        return multiply(dx, scale(convTranspose2d(conv2d(x, dw, strided), w, strided), 1e-3));
      },
      { inputs: [{ data: values(30, 1), shape: [1, 2, 5, 3] as const }, weight] },
    );
    expect(error).toBeLessThan(5e-3);
  });

  test("what does not fit is refused with the shapes", () => {
    const x = constant(input.data, shape);
    expect(() => conv2d<number, number>(x, constant(values(27, 1), [1, 3, 3, 3]))).toThrow(
      "conv2d: x has 2 channels, weight expects 3 (x [1, 2, 5, 4], weight [1, 3, 3, 3])",
    );
    expect(() => conv2d(x, constant(values(60, 1), [1, 2, 6, 5]))).toThrow(
      "conv2d: the kernel of weight [1, 2, 6, 5] is larger than x [1, 2, 5, 4] with its padding [0, 0]",
    );
    expect(() => conv2d(x, constant(weight.data, weight.shape), { stride: [0, 1] })).toThrow(
      "conv2d: strides must be whole and positive, got [0, 1]",
    );
    expect(() => convTranspose2d(x, constant(weight.data, weight.shape), { padding: [3, 0] })).toThrow(
      "convTranspose2d: padding must be whole and less than the kernel's extents, got [3, 0] for [2, 2, 3, 3]",
    );
    expect(() => averagePool(x, [6, 1])).toThrow("averagePool: x [1, 2, 5, 4] is smaller than a block of 6×1");
  });
});
