import { beforeAll, expect, test } from "vitest";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { copyProbe, multiplyAddProbe } from "./roofs.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

test.each([4, 260, 1024])("copies %i numbers and counts each twice", async (length) => {
  const input = Float32Array.from({ length }, (_, i) => i + 0.5);
  const kernel = copyProbe(length);
  const { output } = await runKernel(device, kernel, { input, output: new Float32Array(length) }, ["output"]);
  expect(output).toEqual(input);
  expect(kernel.bytes).toBe(2 * input.byteLength);
});

test("a copy of 512 MiB, as a GPU is given, is covered within 65,535 workgroups a dimension", () => {
  const length = 2 ** 27;
  const [x = 0, y = 0] = copyProbe(length).launches[0]?.workgroups ?? [];
  expect(Math.max(x, y)).toBeLessThanOrEqual(65_535);
  expect(x * y * 64 * 4).toBeGreaterThanOrEqual(length);
});

test("does the multiply-adds that it counts", async () => {
  const [workgroups, rounds] = [2, 3];
  const kernel = multiplyAddProbe(workgroups, rounds);
  const arrays = { factors: Float32Array.of(1, 2), output: new Float32Array(64 * workgroups) };
  const { output } = await runKernel(device, kernel, arrays, ["output"]);
  // With factor 1 each step adds 2 to each of eight chains that start at i, i + 1, …, i + 7.
  const steps = kernel.flops / 2 / (64 * workgroups) / 8;
  expect([...output]).toEqual(Array.from({ length: 64 * workgroups }, (_, i) => 8 * i + 28 + 8 * steps * 2));
});
