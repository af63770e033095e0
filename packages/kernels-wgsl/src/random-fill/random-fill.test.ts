import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { checkAgainstFullStorage } from "../testing/half-storage.js";
import { runKernel } from "../testing/runner.js";
import { philox4x32, unitInterval } from "./philox.js";
import { randomFillCases } from "./random-fill.cases.js";
import { randomFill } from "./random-fill.js";
import { randomFillReference } from "./random-fill.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

// Source: kat_vectors of Random123 1.14, philox4x32 with 10 rounds.
test.each([
  ["00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
  ["ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"],
  ["243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"],
])("philox4x32 of counter %s, key %s", (counter, key, expected) => {
  const words = (text: string) => text.split(" ").map((word) => Number.parseInt(word, 16));
  const [c0, c1, c2, c3] = words(counter) as [number, number, number, number];
  const [k0, k1] = words(key) as [number, number];
  const got = philox4x32([c0, c1, c2, c3], [k0, k1]);
  expect(got.map((word) => word.toString(16).padStart(8, "0")).join(" ")).toBe(expected);
});

test("unitInterval, by hand", () => {
  expect(unitInterval(0x8000_00ff)).toBe(0.5);
  expect(unitInterval(0xffff_ffff)).toBe(1 - 2 ** -24);
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
