import { beforeAll, describe, expect, test } from "vitest";
import { imageSize } from "../contract/kernel.js";
import { randomArray } from "../testing/close.js";
import { checkGradient, checkHalfStorage, checkRun } from "../testing/convolution-checks.js";
import { testDevice } from "../testing/device.js";
import { upsampleCases } from "./upsample-bilinear2x.cases.js";
import { upsampleBilinear2x, upsampleBilinear2xGrad } from "./upsample-bilinear2x.js";
import { upsampleBilinear2xReference } from "./upsample-bilinear2x.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

test("reference, by hand", () => {
  const row = { batch: 1, channels: 1, height: 1, width: 3 };
  const once = [0, 1, 3, 5, 7, 8]; // ¼·0 + ¾·4 = 3
  expect([...upsampleBilinear2xReference([0, 4, 8], row)]).toEqual([...once, ...once]);
});

describe.each(upsampleCases)("$why", ({ shape }) => {
  const input = randomArray(imageSize(shape), 1);
  const gradOutput = randomArray(4 * input.length, 2);
  const forward = {
    what: "upsampleBilinear2x",
    kernel: upsampleBilinear2x(shape),
    arrays: { input },
    length: gradOutput.length,
  };
  const backward = {
    what: "upsampleBilinear2xGrad",
    kernel: upsampleBilinear2xGrad(shape),
    arrays: { gradOutput },
    length: input.length,
  };

  test("output", () => checkRun(device, forward, upsampleBilinear2xReference(input, shape)));

  test("gradient", () =>
    checkGradient(
      device,
      backward,
      (point) =>
        upsampleBilinear2xReference(point, shape).reduce((sum, v, i) => sum + v * (gradOutput[i] as number), 0),
      input,
    ));

  test("f16 storage", async (context) => {
    if (!device.features.has("shader-f16")) return context.skip("adapter lacks shader-f16");
    await checkHalfStorage(device, forward, ["input"], (rounded) =>
      upsampleBilinear2xReference(rounded.input as Float32Array, shape),
    );
  });
});
