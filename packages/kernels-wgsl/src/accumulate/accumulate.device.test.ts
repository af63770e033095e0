import { beforeAll, describe, expect, test } from "vitest";
import { expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { accumulateCases } from "./accumulate.cases.js";
import { accumulate } from "./accumulate.js";
import { accumulateReference } from "./accumulate.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

test("reference, by hand", () => {
  expect([...accumulateReference([1, 2], [4, 8], true, 0.5)]).toEqual([3, 6]);
  expect([...accumulateReference([Number.NaN, 2], [4, 8], false, 0.25)]).toEqual([1, 2]);
});

describe.each(accumulateCases)("$length: $why", ({ length, share }) => {
  test.each([true, false])("keeping what is there: %s, and the same bits twice", async (keep) => {
    const gradients = randomArray(length, 1);
    const accumulated = keep ? randomArray(length, 2) : new Float32Array(length).fill(Number.NaN);
    const arrays = { accumulated, gradients, shares: Float32Array.of(keep ? 1 : 0, share) };
    const after = await runKernel(device, accumulate(length), arrays, ["accumulated"]);
    expectClose("accumulated", after.accumulated, accumulateReference(accumulated, gradients, keep, share), 1e-6);
    expect(await runKernel(device, accumulate(length), arrays, ["accumulated"])).toEqual(after);
  });
});
