import { describe, expect, test } from "vitest";
import { gradientError } from "../device/gradient-error.js";
import { constant } from "../graph/apply.js";
import type { Image } from "../graph/tensor.js";
import { testDevice } from "../testing/device.js";
import { concatChannels, sliceChannels } from "./channels.js";
import { conv3x3 } from "./convolution.js";
import { depthwiseConv3x3 } from "./depthwise-convolution.js";
import { gradients } from "./gradients.js";
import { multiply, relu, scale } from "./pointwise.js";
import { sum } from "./sum.js";

const values = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.fround(Math.sin(1.7 * i + seed) + 0.3 * Math.cos(0.9 * i * i + seed)));

const shape = [1, 2, 5, 3] as const;
const input = { data: values(30, 1), shape };
const weight = { data: values(18, 2), shape: [2, 1, 3, 3] as const };

describe("depthwise 3×3 convolution", () => {
  test("is a full convolution whose weight is zero between channels", async () => {
    const device = await testDevice();
    const full = new Float32Array(36);
    for (let c = 0; c < 2; c++) full.set(weight.data.subarray(9 * c, 9 * c + 9), 27 * c);
    const x = constant(input.data, shape);
    const { got, expected } = await device.evaluate({
      got: depthwiseConv3x3(x, constant(weight.data, weight.shape)),
      expected: conv3x3(x, constant(full, [2, 2, 3, 3])),
    });
    got.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 5);
    });
  });

  test("its gradients are central differences, where it is computed in the loads and stores of others too", async () => {
    const device = await testDevice();
    const error = await gradientError(
      device,
      (x, w) => {
        const y = relu(depthwiseConv3x3(scale(x, 0.5), w));
        return concatChannels(depthwiseConv3x3(y, w), sliceChannels(y, 0, 1));
      },
      { inputs: [input, weight] },
    );
    expect(error).toBeLessThan(5e-3);
  });

  test("so are the gradients of its gradients", async () => {
    const device = await testDevice();
    const error = await gradientError(
      device,
      (x, w) => {
        const y = depthwiseConv3x3(x, w);
        const [dx, dw] = gradients(sum(multiply(y, y)), [x, w]);
        return multiply(dx as Image, scale(depthwiseConv3x3(x, dw as typeof w), 1e-2));
      },
      { inputs: [input, weight] },
    );
    expect(error).toBeLessThan(5e-3);
  });

  test("a weight for other channels is refused with both shapes", () => {
    expect(() => depthwiseConv3x3<number>(constant(input.data, shape), constant(values(27, 1), [3, 1, 3, 3]))).toThrow(
      "depthwiseConv3x3: x has 2 channels, so weight must be [2, 1, 3, 3], got [3, 1, 3, 3]",
    );
  });
});
