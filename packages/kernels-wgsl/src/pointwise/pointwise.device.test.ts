import { beforeAll, describe, expect, test } from "vitest";
import { imageSize } from "../contract/kernel.js";
import { randomArray } from "../testing/close.js";
import { checkHalfStorage, checkRun, checkStatistics, runLinear } from "../testing/convolution-checks.js";
import { testDevice } from "../testing/device.js";
import { replaceSlots } from "../transforms/slots.js";
import { pointwiseCases } from "./pointwise.cases.js";
import { pointwise } from "./pointwise.js";
import { pointwiseReference } from "./pointwise.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

test("reference, by hand", () => {
  expect([...pointwiseReference([1, -2])]).toEqual([1, -2]);
});

describe.each(pointwiseCases)("$why", ({ shape }) => {
  const input = randomArray(imageSize(shape), 1);
  const run = { what: "pointwise", kernel: pointwise(shape), arrays: { input }, length: input.length };

  test("output, and the same bits twice", () => checkRun(device, run, pointwiseReference(input)));

  test("statistics", (ctx) => checkStatistics(ctx, device, run, shape));

  test("f16 storage", async (context) => {
    if (!device.features.has("shader-f16")) return context.skip("adapter lacks shader-f16");
    await checkHalfStorage(device, run, ["input"], ({ input: rounded }) => rounded as Float32Array);
  });
});

test("slots see sample, channel and coordinates", async () => {
  const shape = { batch: 3, channels: 2, height: 5, width: 31 };
  const place = replaceSlots(pointwise(shape).source, [
    {
      bindings: [],
      replaces: "input",
      definitions: {
        InputChannel: "struct InputChannel { n: u32, c: u32 }",
        prepareInput: "fn prepareInput(n: u32, c: u32) -> InputChannel { return InputChannel(n, c); }",
        loadInput: `fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(((channel.n * sizes.channels + channel.c) * sizes.height + y) * sizes.width + x);
}`,
      },
    },
  ]);
  const kernel = { ...pointwise(shape), source: place };
  const places = await runLinear(device, { what: "places", kernel, arrays: {}, length: imageSize(shape) });
  expect([...places]).toEqual(Array.from(places, (_, i) => i));
});
