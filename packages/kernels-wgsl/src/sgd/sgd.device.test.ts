import { beforeAll, describe, expect, test } from "vitest";
import { expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { sgdCases, sgdDefaults } from "./sgd.cases.js";
import { sgd } from "./sgd.js";
import { type SgdState, sgdHyper, sgdReference } from "./sgd.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

const state = ["parameters", "momentumBuffer"] as const;

test("reference, by hand: two steps on a constant gradient", () => {
  const hyper = { learningRate: 0.5, momentum: 0.5, weightDecay: 0 };
  const first = sgdReference({ parameters: Float64Array.of(1), momentumBuffer: Float64Array.of(0) }, [2], hyper);
  // b = 2, p = 1 − ½(2 + ½·2); then b = ½·2 + 2 = 3, p = −½ − ½(2 + ½·3).
  expect(first).toEqual({ parameters: Float64Array.of(-0.5), momentumBuffer: Float64Array.of(2) });
  const second = sgdReference(first, [2], hyper);
  expect(second).toEqual({ parameters: Float64Array.of(-2.25), momentumBuffer: Float64Array.of(3) });
});

describe.each(sgdCases)("$length: $why", ({ length, steps, hyper }) => {
  test("every step, and the same bits twice", async () => {
    const kernel = sgd(length);
    let current = { parameters: randomArray(length, 1), momentumBuffer: new Float32Array(length) };
    let reference: SgdState = {
      parameters: Float64Array.from(current.parameters),
      momentumBuffer: new Float64Array(length),
    };
    for (let t = 1; t <= steps; t++) {
      const gradients = randomArray(length, 10 + t);
      const arrays = { ...current, gradients, hyper: Float32Array.from(sgdHyper(hyper)) };
      const after = await runKernel(device, kernel, arrays, state);
      expect(await runKernel(device, kernel, arrays, state)).toEqual(after);
      reference = sgdReference(reference, gradients, hyper);
      expectClose(`parameters after step ${t}`, after.parameters, reference.parameters, 1e-6);
      expectClose(`momentumBuffer after step ${t}`, after.momentumBuffer, reference.momentumBuffer, 1e-6);
      current = after as typeof current;
    }
  });
});

describe("scaled gradients", () => {
  const length = 131;
  const plain = sgdHyper({ ...sgdDefaults, weightDecay: 0.1 });
  const arrays = { parameters: randomArray(length, 1), momentumBuffer: randomArray(length, 2) };
  const gradients = randomArray(length, 4);

  test("give the same bits as those of the loss itself", async () => {
    const unscaled = { ...arrays, gradients, hyper: Float32Array.from(plain) };
    const expected = await runKernel(device, sgd(length), unscaled, state);
    const scaled = gradients.map((gradient) => gradient * 1024);
    const hyper = Float32Array.of(...plain, 1 / 1024, 1);
    expect(await runKernel(device, sgd(length, true), { ...arrays, gradients: scaled, hyper }, state)).toEqual(
      expected,
    );
  });

  test("a step that is skipped changes no bit", async () => {
    const overflowing = gradients.slice().fill(Number.NaN, 3, 9);
    const hyper = Float32Array.of(...plain, 1 / 1024, 0);
    const after = await runKernel(device, sgd(length, true), { ...arrays, gradients: overflowing, hyper }, state);
    expect(after).toEqual(arrays);
  });
});
