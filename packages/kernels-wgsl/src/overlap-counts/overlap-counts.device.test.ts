import { beforeAll, describe, expect, test } from "vitest";
import { imageSize } from "../contract/kernel.js";
import { randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { overlapCountsCases } from "./overlap-counts.cases.js";
import { overlapCounts } from "./overlap-counts.js";
import { overlapCountsReference } from "./overlap-counts.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

test("reference, by hand: ties go to the first class", () => {
  const shape = { batch: 1, channels: 2, height: 1, width: 3 };
  // predictions 0 (tie), 1, 0 against 0, 1, 1
  expect([...overlapCountsReference([1, 2, 5, 1, 3, 4], [0, 1, 1], shape)]).toEqual([1, 2, 1, 1, 1, 2]);
});

describe.each(overlapCountsCases)("$why", ({ shape }) => {
  test("exact, also with ties, and the same bits twice", async () => {
    const { batch, channels, height, width } = shape;
    // Few levels, so that many pixels tie.
    const logits = randomArray(imageSize(shape), 1).map((value) => Math.round(2 * value));
    const labels = Uint32Array.from(
      randomArray(batch * height * width, 2),
      (value) => Math.abs(value * 1e4) % channels,
    );
    const kernels = overlapCounts(shape);
    const count = async () => {
      const partials = new Uint32Array(kernels.partials).fill(77);
      const first = await runKernel(device, kernels.count, { logits, labels, partials }, ["partials"]);
      const counts = new Uint32Array(batch * channels * 3).fill(77);
      return (await runKernel(device, kernels.finish, { partials: first.partials, counts }, ["counts"])).counts;
    };
    expect(await count()).toEqual(overlapCountsReference(logits, labels, shape));
    expect(await count()).toEqual(await count());
  });
});

test("more classes than the kernel counts are refused", () => {
  expect(() => overlapCounts({ batch: 1, channels: 17, height: 1, width: 1 })).toThrow(/at most 16 classes, got 17/);
});
