import { beforeAll, expect, test } from "vitest";
import { compile } from "../compiler/program.js";
import type { Device } from "../device/device.js";
import { Variable, type VariableGroup, zeros } from "../graph/variable.js";
import { testDevice } from "../testing/device.js";
import { accumulate } from "./accumulate.js";
import { conv3x3 } from "./convolution.js";
import { gradients } from "./gradients.js";
import { keepGradients } from "./keep-gradients.js";
import { relu } from "./pointwise.js";
import { sum } from "./sum.js";

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const weight = <const S extends readonly [number, number, number, number]>(shape: S): Variable<S> => {
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i) / 4);
  return new Variable("weight", shape, values, "parameter");
};
// Of three convolutions, one after the other: the gradient of the last one is formed first.
const [first, second, third] = [weight([4, 1, 3, 3]), weight([8, 4, 3, 3]), weight([2, 8, 3, 3])];
const weights = [first, second, third];
const newSums = () => weights.map(({ shape }) => new Variable("sum", shape, zeros, "gradient"));
const inputs = { x: { shape: [2, 1, 12, 12], dtype: "f32" } } as const;
const x = Float32Array.from({ length: 288 }, (_, i) => Math.cos(i));

test("a run is cut where so many gradients are there, and these can be read then", async () => {
  const [kept, added] = [newSums(), newSums()];
  const network = (image: Parameters<typeof conv3x3<1, 4>>[0]) =>
    sum(conv3x3(relu(conv3x3(relu(conv3x3(image, first)), second)), third));
  const cut = compile(
    {
      inputs,
      build: ({ x: image }) => ({
        updates: [keepGradients(weights, gradients(network(image), weights), kept, [0.3, 0.9])],
      }),
    },
    { kernels: device.kernels },
  );
  const whole = compile(
    {
      inputs: { ...inputs, shares: { shape: [2], dtype: "f32" } },
      build: ({ x: image, shares }) => ({
        updates: [accumulate(weights, gradients(network(image), weights), added, shares)],
      }),
    },
    { kernels: device.kernels },
  );
  const group = kept[0]?.group as VariableGroup;
  // 144 of the 468 numbers, 432 and all; each of the variables begins at a multiple of 64.
  expect(cut.submissions.map(({ finished }) => finished)).toEqual([
    [{ group, first: 384, end: 576 }],
    [{ group, first: 64, end: 384 }],
    [{ group, first: 0, end: 64 }],
  ]);
  expect(cut.submissions.flatMap(({ calls }) => calls)).toEqual(cut.calls);
  expect(whole.submissions).toHaveLength(1);

  await (await whole.load(device)).run({ x, shares: Float32Array.of(0, 1) });
  const reading: Promise<readonly [first: number, values: Float32Array]>[] = [];
  await (await cut.load(device)).run({ x }, (submission) => {
    for (const { first: from, end } of cut.submissions[submission]?.finished ?? []) {
      reading.push(group.read(from, end).then((values) => [from, values]));
    }
  });
  const expected = await added[0]?.group?.read();
  for (const [from, values] of await Promise.all(reading)) {
    expect(values).toEqual(expected?.subarray(from, from + values.length));
    expect(values.some((value) => value !== 0)).toBe(true);
  }
});
