import { describe, expect, test } from "vitest";
import { type ImageShape, imageSize } from "../shared/kernel.js";
import { randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { maxPool2x2, maxPool2x2Grad } from "./max-pool2x2.js";
import { maxPool2x2Reference } from "./max-pool2x2.reference.js";

const cases: readonly { readonly why: string; readonly shape: ImageShape; readonly levels?: number }[] = [
  { why: "one window", shape: { batch: 1, channels: 1, height: 2, width: 2 } },
  { why: "odd edges are dropped and get no gradient", shape: { batch: 2, channels: 3, height: 7, width: 9 } },
  { why: "several workgroups a channel", shape: { batch: 2, channels: 5, height: 24, width: 22 } },
  { why: "ties: the first maximum wins", shape: { batch: 2, channels: 3, height: 8, width: 8 }, levels: 3 },
  { why: "all equal", shape: { batch: 1, channels: 2, height: 5, width: 4 }, levels: 1 },
];

test("the reference agrees with values worked by hand", () => {
  const shape = { batch: 1, channels: 1, height: 2, width: 5 };
  const { output, winners } = maxPool2x2Reference([1, 2, 5, 5, 9, 4, 3, 5, 5, 9], shape);
  expect([...output]).toEqual([4, 5]);
  expect([...winners]).toEqual([5, 2]);
});

describe.each(cases)("max-pool: $why", ({ shape, levels }) => {
  const raw = randomArray(imageSize(shape), 5);
  const input = levels === undefined ? raw : raw.map((value) => Math.abs(Math.round(value * 10)) % levels);
  const { output: expected, winners } = maxPool2x2Reference(input, shape);

  test("values and gradient are exact", async () => {
    const device = await testDevice();
    const { output } = await runKernel(
      device,
      maxPool2x2(shape),
      { input, output: new Float32Array(expected.length) },
      ["output"],
    );
    expect([...output]).toEqual([...expected]);
    const gradOutput = randomArray(expected.length, 6);
    const gradient = new Float32Array(input.length);
    winners.forEach((winner, i) => {
      gradient[winner] = gradOutput[i] as number;
    });
    const arrays = { input, gradOutput, output: new Float32Array(input.length).fill(9) };
    const got = await runKernel(device, maxPool2x2Grad(shape), arrays, ["output"]);
    expect([...got.output]).toEqual([...gradient]);
  });
});
