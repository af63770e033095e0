import { beforeAll, describe, expect, test } from "vitest";
import { fromHalf, toHalf } from "../contract/half.js";
import { imageSize } from "../contract/kernel.js";
import { expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { withStorageType } from "../transforms/wgsl-text.js";
import { mirrorCases } from "./mirror.cases.js";
import { mirror } from "./mirror.js";
import { mirrorReference } from "./mirror.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

test("reference, by hand", () => {
  const shape = { batch: 1, channels: 1, height: 2, width: 2 };
  expect([...mirrorReference([1, 2, 3, 4], shape, { x: true, y: false })]).toEqual([2, 1, 4, 3]);
  expect([...mirrorReference([1, 2, 3, 4], shape, { x: false, y: true })]).toEqual([3, 4, 1, 2]);
});

describe.each(mirrorCases)("$why", ({ shape }) => {
  test.each([
    { x: true, y: false },
    { x: false, y: true },
    { x: true, y: true },
  ])("x $x, y $y", async (axes) => {
    const input = randomArray(imageSize(shape), 1);
    const arrays = { input, output: new Float32Array(input.length).fill(Number.NaN) };
    const { output } = await runKernel(device, mirror(shape, axes), arrays, ["output"]);
    expectClose("output", output, mirrorReference(input, shape, axes), 0);
    expect((await runKernel(device, mirror(shape, axes), arrays, ["output"])).output).toEqual(output);
  });

  test("f16 storage", async ({ skip }) => {
    skip(!device.features.has("shader-f16"), "adapter lacks shader-f16");
    const input = toHalf(randomArray(imageSize(shape), 1));
    const kernel = mirror(shape, { x: true, y: true });
    const half = { ...kernel, source: withStorageType(kernel.source, "f16") };
    const arrays = { input, output: new Uint16Array(input.length) };
    const { output } = await runKernel(device, half, arrays, ["output"]);
    expectClose("output", fromHalf(output), mirrorReference(fromHalf(input), shape, { x: true, y: true }), 0);
  });
});
