import { describe, expect, test } from "vitest";
import { constant } from "../graph/apply.js";
import type { Tensor } from "../graph/tensor.js";
import { gradients } from "../ops/gradients.js";
import { testDevice } from "../testing/device.js";
import { concatChannels, reshape, sliceChannels } from "./channels.js";
import {
  add,
  addScalar,
  divide,
  exp,
  hardswish,
  log,
  multiply,
  negate,
  relu,
  scale,
  sigmoid,
  sqrt,
  subtract,
} from "./pointwise.js";
import { sum, sumAxis } from "./sum.js";

const values = [-2, -0.5, 0, 0.25, 1, 3];
const positive = [0.1, 0.5, 1, 2, 3, 7];

describe("pointwise operations", () => {
  const unary: [string, (x: Tensor) => Tensor, (x: number) => number, (x: number) => number, number[]][] = [
    ["relu", relu, (x) => Math.max(x, 0), (x) => (x > 0 ? 1 : 0), values],
    ["sigmoid", sigmoid, (x) => 1 / (1 + Math.exp(-x)), (x) => Math.exp(-x) / (1 + Math.exp(-x)) ** 2, values],
    [
      "hardswish",
      hardswish,
      (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
      (x) => (x <= -3 ? 0 : x < 3 ? x / 3 + 0.5 : 1),
      [-7, -3, -2.5, 0.25, 3, 4],
    ],
    ["exp", exp, Math.exp, Math.exp, values],
    ["log", log, Math.log, (x) => 1 / x, positive],
    ["sqrt", sqrt, Math.sqrt, (x) => 0.5 / Math.sqrt(x), positive],
    ["negate", negate, (x) => -x, () => -1, values],
    ["scale", (x) => scale(x, -2.5), (x) => -2.5 * x, () => -2.5, values],
    ["addScalar", (x) => addScalar(x, 0.1), (x) => x + 0.1, () => 1, values],
  ];
  test.each(unary)("%s and its gradient", async (_, operation, f, derivative, points) => {
    const device = await testDevice();
    const x = constant(points, [2, 3]);
    const y = operation(x);
    const [gradient] = gradients(sum(y), [x]) as [Tensor];
    const got = await device.evaluate({ y, gradient });
    points.forEach((point, i) => {
      expect(got.y[i]).toBeCloseTo(f(point), 5);
      expect(got.gradient[i]).toBeCloseTo(derivative(point), 5);
    });
  });

  const binary: [string, (a: Tensor, b: Tensor) => Tensor, (a: number, b: number) => [number, number, number]][] = [
    ["add", add, (a, b) => [a + b, 1, 1]],
    ["subtract", subtract, (a, b) => [a - b, 1, -1]],
    ["multiply", multiply, (a, b) => [a * b, b, a]],
    ["divide", divide, (a, b) => [a / b, 1 / b, -a / b ** 2]],
  ];
  test.each(binary)("%s with broadcasting sums its gradients over the repeated axes", async (_, operation, f) => {
    const device = await testDevice();
    const a = constant(values, [1, 2, 3, 1]);
    const b = constant([0.5, 2], [1, 2, 1, 1]);
    const y = operation(a, b);
    const [gradA, gradB] = gradients(sum(y), [a, b]) as [Tensor, Tensor];
    const got = await device.evaluate({ y, gradA, gradB });
    const expectedB = [0, 0];
    values.forEach((value, i) => {
      const channel = Math.floor(i / 3);
      const [result, da, db] = f(value, [0.5, 2][channel] as number);
      expect(got.y[i]).toBeCloseTo(result, 5);
      expect(got.gradA[i]).toBeCloseTo(da, 5);
      expectedB[channel] = (expectedB[channel] as number) + db;
    });
    expect(got.gradB[0]).toBeCloseTo(expectedB[0] as number, 4);
    expect(got.gradB[1]).toBeCloseTo(expectedB[1] as number, 4);
  });

  test("shapes that do not fit are named", () => {
    expect(() => add(constant([1, 2], [2]), constant([1, 2, 3], [3]))).toThrow(
      "add: shapes [2] and [3] do not fit together",
    );
    expect(() => constant([1, 2], [3])).toThrow("constant: 2 numbers do not fill shape [3]");
    expect(() => gradients(constant([1, 2], [2]), [])).toThrow("the output must be a scalar, got [2]");
  });
});

describe("channels and axes", () => {
  test("a slice of a concatenation, and the gradients of both", async () => {
    const device = await testDevice();
    const a = constant([1, 2, 3, 4], [1, 1, 2, 2]);
    const b = constant([5, 6, 7, 8, 9, 10, 11, 12], [1, 2, 2, 2]);
    const both = concatChannels(a, b);
    const middle = sliceChannels(both, 1, 2);
    const [gradA, gradB] = gradients(sum(multiply(middle, middle)), [a, b]) as [Tensor, Tensor];
    const got = await device.evaluate({ both, middle, gradA, gradB });
    expect([...got.both]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect([...got.middle]).toEqual([5, 6, 7, 8]);
    expect([...got.gradA]).toEqual([0, 0, 0, 0]);
    expect([...got.gradB]).toEqual([10, 12, 14, 16, 0, 0, 0, 0]);
  });

  test.each([0, 1, 2])("sum over axis %i", async (axis) => {
    const device = await testDevice();
    const shape = [2, 3, 4];
    const x = constant(
      Array.from({ length: 24 }, (_, i) => i),
      shape,
    );
    const { y } = await device.evaluate({ y: sumAxis(x, axis) });
    const stride = [12, 4, 1][axis] as number;
    const expected = new Map<number, number>();
    for (let i = 0; i < 24; i++) {
      const key = i - (Math.floor(i / stride) % (shape[axis] as number)) * stride;
      expected.set(key, (expected.get(key) ?? 0) + i);
    }
    expect([...y]).toEqual([...expected].sort(([p], [q]) => p - q).map(([, value]) => value));
  });

  test("a reshape keeps the order, and refuses another size", async () => {
    const device = await testDevice();
    const { y } = await device.evaluate({ y: add(reshape(constant([1, 2, 3, 4], [2, 2]), [4]), constant([1], [1])) });
    expect([...y]).toEqual([2, 3, 4, 5]);
    expect(() => reshape(constant([1, 2], [2]), [3])).toThrow("reshape: [2] has 2 elements, [3] another count");
  });
});
