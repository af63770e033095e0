import { beforeAll, describe, expect, test } from "vitest";
import { imageSize } from "../contract/kernel.js";
import { directionalDerivative, expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { checkAgainstFullStorage } from "../testing/half-storage.js";
import { runKernel } from "../testing/runner.js";
import { softmaxCases } from "./softmax.cases.js";
import { softmax, softmaxGrad } from "./softmax.js";
import { softmaxReference } from "./softmax.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

test("reference, by hand", () => {
  const shape = { batch: 1, channels: 2, height: 1, width: 2 };
  expectClose("p", softmaxReference([Math.log(3), 5, 0, 5], shape), [0.75, 0.5, 0.25, 0.5], 1e-12);
});

describe.each(softmaxCases)("$why", ({ shape, scale }) => {
  const length = imageSize(shape);
  const input = randomArray(length, 1, scale);
  const gradOutput = randomArray(length, 2);
  const empty = () => new Float32Array(length).fill(Number.NaN);

  test("output and gradient, and the same bits twice", async () => {
    const { output } = await runKernel(device, softmax(shape), { input, output: empty() }, ["output"]);
    expectClose("output", output, softmaxReference(input, shape));
    expect((await runKernel(device, softmax(shape), { input, output: empty() }, ["output"])).output).toEqual(output);

    const arrays = { output, gradOutput, gradInput: empty() };
    const { gradInput } = await runKernel(device, softmaxGrad(shape), arrays, ["gradInput"]);
    expect((await runKernel(device, softmaxGrad(shape), arrays, ["gradInput"])).gradInput).toEqual(gradInput);
    const point = Float64Array.from(input);
    const dot = (x: Float64Array) =>
      softmaxReference(x, shape).reduce((sum, p, i) => sum + p * (gradOutput[i] as number), 0);
    const expected = point.map((_, at) => {
      const direction = new Float64Array(length);
      direction[at] = 1;
      return directionalDerivative(dot, point, direction);
    });
    // The gradient of a single channel is zero, that of a softmax saturated everywhere is all but that.
    if (shape.channels === 1) expect(gradInput.every((value) => value === 0)).toBe(true);
    else if (scale < 1000) expectClose("gradInput", gradInput, expected, 2e-5);
    else expect([...gradInput].every(Number.isFinite)).toBe(true);
  });

  test("f16 storage", async (context) => {
    if (!device.features.has("shader-f16")) return context.skip("adapter lacks shader-f16");
    await checkAgainstFullStorage(device, "softmax", softmax(shape), {
      inputs: { input },
      outputs: { output: length },
    });
    const inputs = { output: softmaxReference(input, shape), gradOutput };
    await checkAgainstFullStorage(device, "gradient", softmaxGrad(shape), { inputs, outputs: { gradInput: length } });
  });
});
