import { beforeAll, describe, expect, test } from "vitest";
import { expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { adamCases, adamDefaults } from "./adam.cases.js";
import { adam } from "./adam.js";
import { type AdamState, adamHyper, adamReference } from "./adam.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

const state = ["parameters", "firstMoment", "secondMoment"] as const;

test("reference, by hand: the first step is lr times the gradient's sign", () => {
  const hyper = { learningRate: 0.5, beta1: 0.9, beta2: 0.99, epsilon: 0, weightDecay: 0, decoupledWeightDecay: 0 };
  const zero = new Float64Array(2);
  const after = adamReference(
    { parameters: Float64Array.of(1, 2), firstMoment: zero, secondMoment: zero },
    [3, -0.1],
    hyper,
    1,
  );
  expectClose("parameters", after.parameters, [0.5, 2.5], 1e-12);
  expectClose("firstMoment", after.firstMoment, [0.3, -0.01], 1e-12);
  expectClose("secondMoment", after.secondMoment, [0.09, 0.0001], 1e-12);
});

describe.each(adamCases)("$length: $why", ({ length, steps, hyper }) => {
  test("every step, and the same bits twice", async () => {
    const kernel = adam(length);
    let current = {
      parameters: randomArray(length, 1),
      firstMoment: new Float32Array(length),
      secondMoment: new Float32Array(length),
    };
    let reference: AdamState = {
      parameters: Float64Array.from(current.parameters),
      firstMoment: new Float64Array(length),
      secondMoment: new Float64Array(length),
    };
    for (let t = 1; t <= steps; t++) {
      const gradients = randomArray(length, 10 + t, 10 ** (-t % 4));
      const arrays = { ...current, gradients, hyper: Float32Array.from(adamHyper(hyper, t)) };
      const after = await runKernel(device, kernel, arrays, state);
      expect(await runKernel(device, kernel, arrays, state)).toEqual(after);
      reference = adamReference(reference, gradients, hyper, t);
      expectClose(`parameters after step ${t}`, after.parameters, reference.parameters, 1e-6);
      expectClose(`firstMoment after step ${t}`, after.firstMoment, reference.firstMoment, 1e-6);
      expectClose(`secondMoment after step ${t}`, after.secondMoment, reference.secondMoment, 1e-6);
      current = after as typeof current;
    }
  });
});

describe("scaled gradients", () => {
  const length = 131;
  const plain = adamHyper({ ...adamDefaults, weightDecay: 0.1, decoupledWeightDecay: 0.2 }, 3);
  const arrays = {
    parameters: randomArray(length, 1),
    firstMoment: randomArray(length, 2),
    secondMoment: randomArray(length, 3).map(Math.abs),
  };
  const gradients = randomArray(length, 4);

  test("give the same bits as those of the loss itself", async () => {
    const expected = await runKernel(
      device,
      adam(length),
      { ...arrays, gradients, hyper: Float32Array.from(plain) },
      state,
    );
    const scaled = gradients.map((gradient) => gradient * 1024);
    const hyper = Float32Array.of(...plain, 1 / 1024, 1);
    expect(await runKernel(device, adam(length, true), { ...arrays, gradients: scaled, hyper }, state)).toEqual(
      expected,
    );
  });

  test("a step that is skipped changes no bit", async () => {
    const overflowing = gradients.fill(Number.NaN, 3, 9);
    const hyper = Float32Array.of(...plain, 1 / 1024, 0);
    const after = await runKernel(device, adam(length, true), { ...arrays, gradients: overflowing, hyper }, state);
    expect(after).toEqual(arrays);
  });
});
