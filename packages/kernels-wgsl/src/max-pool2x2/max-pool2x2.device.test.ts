import { beforeAll, describe, expect, test } from "vitest";
import { type ImageShape, imageSize, type Kernel } from "../contract/kernel.js";
import { directionalDerivative, expectClose, randomArray } from "../testing/close.js";
import { checkHalfStorage, checkStatistics, runLinear } from "../testing/convolution-checks.js";
import { testDevice } from "../testing/device.js";
import { replaceSlots } from "../transforms/slots.js";
import { maxPoolCases } from "./max-pool2x2.cases.js";
import { maxPool2x2, maxPool2x2Grad, maxPool2x2GradByQuads } from "./max-pool2x2.js";
import { maxPool2x2Reference } from "./max-pool2x2.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

/** Σ over the windows that a pixel wins of the gradient of the window. */
function scatter(winners: Uint32Array, gradOutput: ArrayLike<number>, length: number): Float64Array {
  const gradient = new Float64Array(length);
  winners.forEach((winner, i) => {
    gradient[winner] = gradOutput[i] as number;
  });
  return gradient;
}

const firstDifference = (got: Float64Array, expected: ArrayLike<number>): number =>
  got.findIndex((value, i) => value !== expected[i]);

test("reference, by hand: a tie, and an odd row and column", () => {
  const shape = { batch: 1, channels: 1, height: 3, width: 5 };
  const input = [1, 4, 2, 2, 9, 4, 3, 0, 2, 9, 9, 9, 9, 9, 9];
  const { output, winners } = maxPool2x2Reference(input, shape);
  expect([...output]).toEqual([4, 2]);
  expect([...winners]).toEqual([1, 2]);
});

test("no window: the gradient is zero", async () => {
  const shape = { batch: 1, channels: 2, height: 1, width: 5 };
  const arrays = { input: randomArray(10, 1), gradOutput: new Float32Array(0) };
  const gradient = await runLinear(device, { what: "gradient", kernel: maxPool2x2Grad(shape), arrays, length: 10 });
  expect([...gradient]).toEqual(Array(10).fill(0));
});

/** The kernel with loads and stores that go by the coordinates instead of the pixel's index. */
function byCoordinates(kernel: Kernel, widths: Readonly<Record<string, string>>): Kernel {
  const definitions = Object.entries(widths).map(([slot, width]): [string, string] => {
    const array = slot.charAt(0).toLowerCase() + slot.slice(1);
    const at = `${array}[channel.base + y * (${width}) + x]`;
    return slot === "Output"
      ? [
          "storeOutput",
          `fn storeOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {
  ${at} = value;
}`,
        ]
      : [`load${slot}`, `fn load${slot}(channel: ${slot}Channel, y: u32, x: u32, pixel: u32) -> f32 { return ${at}; }`];
  });
  return {
    ...kernel,
    source: replaceSlots(kernel.source, [{ bindings: [], definitions: Object.fromEntries(definitions) }]),
  };
}

const outputsOf = ({ batch, channels, height, width }: ImageShape): number =>
  batch * channels * Math.floor(height / 2) * Math.floor(width / 2);

describe.each([
  { why: "one tile", shape: { batch: 1, channels: 1, height: 2, width: 8 }, ties: false },
  { why: "ties, samples share a workgroup", shape: { batch: 3, channels: 2, height: 6, width: 24 }, ties: true },
  { why: "several workgroups of a channel", shape: { batch: 2, channels: 3, height: 34, width: 64 }, ties: false },
])("gradient by quads: $why", ({ shape, ties }) => {
  const input = randomArray(imageSize(shape), 1, 1.5).map((value) => (ties ? Math.round(value) : value));
  const gradOutput = randomArray(outputsOf(shape), 2);
  const backward = {
    what: "maxPool2x2GradByQuads",
    kernel: maxPool2x2GradByQuads(shape),
    arrays: { input, gradOutput },
    length: input.length,
  };
  const gradientOf = (image: ArrayLike<number>, gradient: ArrayLike<number>) =>
    scatter(maxPool2x2Reference(image, shape).winners, gradient, input.length);

  test("gradient, exactly", async () => {
    expect(firstDifference(await runLinear(device, backward), gradientOf(input, gradOutput))).toBe(-1);
  });

  test("statistics", (ctx) => checkStatistics(ctx, device, backward, shape));

  test("f16 storage", async (context) => {
    if (!device.features.has("shader-f16")) return context.skip("adapter lacks shader-f16");
    await checkHalfStorage(device, backward, ["input", "gradOutput"], (rounded) =>
      gradientOf(rounded.input ?? [], rounded.gradOutput ?? []),
    );
  });
});

test("gradient by quads: other extents are refused", () => {
  const shape = { batch: 1, channels: 1, height: 4, width: 12 };
  expect(() => maxPool2x2GradByQuads(shape)).toThrow("4 × 12 is not an even height by a multiple of 8");
});

describe.each(maxPoolCases)("$why", ({ shape, ties }) => {
  const input = randomArray(imageSize(shape), 1, 1.5).map((value) => (ties ? Math.round(value) : value));
  const gradOutput = randomArray(outputsOf(shape), 2);
  const { output, winners } = maxPool2x2Reference(input, shape);
  const expectedGradient = scatter(winners, gradOutput, input.length);
  const forward = { what: "maxPool2x2", kernel: maxPool2x2(shape), arrays: { input }, length: output.length };
  const backward = {
    what: "maxPool2x2Grad",
    kernel: maxPool2x2Grad(shape),
    arrays: { input, gradOutput },
    length: input.length,
  };

  test("output and gradient, exactly", async () => {
    expect(firstDifference(await runLinear(device, forward), output)).toBe(-1);
    expect(firstDifference(await runLinear(device, backward), expectedGradient)).toBe(-1);
  });

  test("slots see the right coordinates", async () => {
    const half = "sizes.width / 2u";
    const moved = { ...forward, kernel: byCoordinates(forward.kernel, { Input: "sizes.width", Output: half }) };
    expect(firstDifference(await runLinear(device, moved), output)).toBe(-1);
    const widths = { Input: "sizes.width", GradOutput: half, Output: "sizes.width" };
    const movedGradient = { ...backward, kernel: byCoordinates(backward.kernel, widths) };
    expect(firstDifference(await runLinear(device, movedGradient), expectedGradient)).toBe(-1);
  });

  // Where values are equal there is no derivative.
  if (!ties) {
    test("the expected gradient is the reference's", () => {
      const direction = Float64Array.from(randomArray(input.length, 3));
      const loss = (point: Float64Array) =>
        maxPool2x2Reference(point, shape).output.reduce((sum, value, i) => sum + value * (gradOutput[i] as number), 0);
      // Small enough a step that hardly any window changes its winner.
      const expected = directionalDerivative(loss, Float64Array.from(input), direction, 1e-7);
      const got = expectedGradient.reduce((sum, value, i) => sum + value * (direction[i] as number), 0);
      const size = Math.sqrt(gradOutput.reduce((sum, value) => sum + value ** 2, 0));
      expectClose("derivative", [got / size], [expected / size], 1e-5);
    });
  }

  test("statistics of the gradient", (ctx) => checkStatistics(ctx, device, backward, shape));

  test("f16 storage", async (context) => {
    if (!device.features.has("shader-f16")) return context.skip("adapter lacks shader-f16");
    const reference = (rounded: Readonly<Record<string, Float32Array>>) =>
      maxPool2x2Reference(rounded.input as Float32Array, shape);
    await checkHalfStorage(device, forward, ["input"], (rounded) => reference(rounded).output);
    await checkHalfStorage(device, backward, ["input", "gradOutput"], (rounded) =>
      scatter(reference(rounded).winners, rounded.gradOutput as Float32Array, input.length),
    );
  });
});
