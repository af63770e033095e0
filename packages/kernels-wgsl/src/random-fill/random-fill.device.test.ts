import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { checkAgainstFullStorage } from "../testing/half-storage.js";
import { runKernel } from "../testing/runner.js";
import { randomFillCases } from "./random-fill.cases.js";
import { randomFill } from "./random-fill.js";
import { randomFillReference } from "./random-fill.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

describe.each(randomFillCases)("$length: $why", ({ length, distribution, key }) => {
  test("values, and the same bits twice", async () => {
    const kernel = randomFill(length, distribution);
    const arrays = { key: Uint32Array.from(key), output: new Float32Array(length).fill(Number.NaN) };
    const { output } = await runKernel(device, kernel, arrays, ["output"]);
    const reference = randomFillReference(length, distribution, key);
    expectClose("output", output, reference);
    const exact = distribution.kind === "uniform" && distribution.low === 0 && distribution.high === 1;
    if (exact) expect(output).toEqual(Float32Array.from(reference));
    expect((await runKernel(device, kernel, arrays, ["output"])).output).toEqual(output);
  });

  test("f16 storage", async (context) => {
    if (!device.features.has("shader-f16")) return context.skip("adapter lacks shader-f16");
    const kernel = randomFill(length, distribution);
    await checkAgainstFullStorage(device, "random-fill", kernel, {
      inputs: {},
      outputs: { output: length },
      untouched: { key: Uint32Array.from(key) },
    });
  });
});

test("mean and deviation of many numbers", async () => {
  const length = 200_000;
  const kernel = randomFill(length, { kind: "normal", mean: 0, deviation: 1 });
  const arrays = { key: Uint32Array.of(3, 0, 0, 0), output: new Float32Array(length) };
  const { output } = await runKernel(device, kernel, arrays, ["output"]);
  const values = Float64Array.from(output);
  const mean = values.reduce((sum, value) => sum + value, 0) / length;
  const square = values.reduce((sum, value) => sum + value * value, 0) / length;
  expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(length));
  expect(Math.abs(square - 1)).toBeLessThan(4 * Math.sqrt(2 / length));
});
