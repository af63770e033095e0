import { constant, type Image, ShapeError } from "@lobule/tensor";
import { describe, expect, test } from "vitest";
import { Scope } from "../scope.js";
import { BatchNorm2d } from "./batch-norm2d.js";
import { ConvTranspose2d } from "./conv-transpose2d.js";
import { Conv2d } from "./conv2d.js";
import { MaxPool2d } from "./max-pool2d.js";
import { ReLU } from "./relu.js";
import { Sigmoid } from "./sigmoid.js";

const image = <const C extends number>(channels: C, height = 4, width = 6): Image<C> =>
  constant(new Float32Array(2 * channels * height * width), [2, channels, height, width]);

describe("shapes", () => {
  test("each layer's output", () => {
    const conv3 = new Conv2d({ inChannels: 3, outChannels: 8, kernelSize: 3 });
    const conv1 = new Conv2d({ inChannels: 8, outChannels: 5, kernelSize: 1, bias: false });
    const up = new ConvTranspose2d({ inChannels: 5, outChannels: 2 });
    const output: Image<2> = up.forward(conv1.forward(conv3.forward(image(3))));
    expect(output.shape).toEqual([2, 2, 8, 12]);
    expect(new BatchNorm2d({ channels: 2 }).forward(output).shape).toEqual([2, 2, 8, 12]);
    expect(new MaxPool2d().forward(image(3, 5, 7)).shape).toEqual([2, 3, 2, 3]);
    const pooled: Image<2> = new ReLU().forward(new Sigmoid().forward(output));
    expect(pooled.shape).toEqual([2, 2, 8, 12]);
  });

  test("wrong wiring is refused by the compiler and at run time, with both sides named", () => {
    const conv = new Conv2d({ inChannels: 8, outChannels: 16, kernelSize: 3 });
    const up = new ConvTranspose2d({ inChannels: 16, outChannels: 8 });
    const norm = new BatchNorm2d({ channels: 16 });
    // @ts-expect-error a 16-channel image into a layer of 8 input channels
    expect(() => conv.forward(image(16))).toThrow(
      new ShapeError("conv3x3: x has 16 channels, weight expects 8 (x [2, 16, 4, 6], weight [16, 8, 3, 3])"),
    );
    // @ts-expect-error the convolution makes 16 channels, another convolution of its kind takes 8
    expect(() => conv.forward(conv.forward(image(8)))).toThrow(ShapeError);
    // @ts-expect-error an image of unknown channels into a layer of known ones
    expect(() => up.forward(image(3 as number))).toThrow(/x has 3 channels, weight expects 16/);
    // @ts-expect-error batch normalization of other channels
    expect(() => norm.forward(image(8))).toThrow(/has 8 channels, weight is \[16\]/);
    // @ts-expect-error kernels of side 1 and 3 exist
    new Conv2d({ inChannels: 8, outChannels: 16, kernelSize: 5 });
  });
});

describe("start values", () => {
  const spread = (values: Float32Array): readonly [number, number, number] => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    return [mean, variance, values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)];
  };

  test.each([
    ["convolution", 1 / Math.sqrt(32 * 9), () => new Conv2d({ inChannels: 32, outChannels: 64, kernelSize: 3 })],
    ["transposed convolution", 1 / Math.sqrt(64 * 4), () => new ConvTranspose2d({ inChannels: 96, outChannels: 64 })],
  ] as const)("%s: uniform within 1/√fanIn", (_, bound, make) => {
    const { weight } = make();
    const [mean, variance, most] = spread(weight.initial);
    expect(Math.abs(mean)).toBeLessThan(0.02 * bound);
    expect(variance / (bound ** 2 / 3)).toBeCloseTo(1, 1);
    expect(most).toBeLessThanOrEqual(bound);
    expect(most).toBeGreaterThan(0.999 * bound);
  });

  test("they depend on seed and name only", () => {
    const make = (seed: number, name: string) =>
      new Conv2d({ inChannels: 4, outChannels: 4, kernelSize: 3, scope: new Scope(seed).child(name) });
    const [first, again, otherSeed, otherName] = [make(7, "a"), make(7, "a"), make(8, "a"), make(7, "b")];
    expect(again.weight.initial).toEqual(first.weight.initial);
    expect(otherSeed.weight.initial).not.toEqual(first.weight.initial);
    expect(otherName.weight.initial).not.toEqual(first.weight.initial);
    expect(first.bias?.initial).not.toEqual(first.weight.initial.slice(0, 4));
    expect(make(2 ** 32, "a").weight.initial).not.toEqual(make(0, "a").weight.initial);
  });

  test("batch normalization starts as the identity", () => {
    const { weight, bias, runningMean, runningVariance } = new BatchNorm2d({ channels: 2 });
    expect([weight, bias, runningMean, runningVariance].map(({ initial }) => [...initial])).toEqual([
      [1, 1],
      [0, 0],
      [0, 0],
      [1, 1],
    ]);
    expect(runningVariance.role).toBe("statistic");
  });
});
