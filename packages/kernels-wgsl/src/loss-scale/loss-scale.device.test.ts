import { beforeAll, describe, expect, test } from "vitest";
import { expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { findOverflowCases } from "./loss-scale.cases.js";
import { findOverflow, type LossScaleRule, lossScale } from "./loss-scale.js";
import { type LossScaleState, lossScaleReference } from "./loss-scale.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

const rule: LossScaleRule = { growthFactor: 4, backoffFactor: 0.5, growthInterval: 3 };

test("reference, by hand: good, overflow, three good ones", () => {
  let state: LossScaleState = { scale: 8, goodSteps: 0, takenSteps: 0 };
  const seen = [false, true, false, false, false].map((overflow) => {
    state = lossScaleReference(state, overflow, rule);
    return Object.values(state);
  });
  expect(seen).toEqual([
    [8, 1, 1],
    [4, 0, 1],
    [4, 1, 2],
    [4, 2, 3],
    [16, 0, 4],
  ]);
});

describe.each(findOverflowCases)("overflow in $length: $why", ({ length, at }) => {
  const find = async (gradients: Float32Array) =>
    (await runKernel(device, findOverflow(length), { gradients, found: new Uint32Array(1) }, ["found"])).found[0];

  test.each([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN])("%d is found", async (value) => {
    const gradients = randomArray(length, 1);
    gradients[at] = value;
    expect(await find(gradients)).toBe(1);
  });

  test.each([3.4028234663852886e38, -3.4028234663852886e38, 1e-45, -0])("%d is none", async (value) => {
    const gradients = randomArray(length, 1);
    gradients[at] = value;
    expect(await find(gradients)).toBe(0);
  });
});

describe("loss-scale", () => {
  const hyper = Float32Array.of(0.01, 1 - 0.9, 1 - 0.999, 1e-8, 0.1, Number.NaN, Number.NaN, 0.2);
  const run = async ({ scale, goodSteps, takenSteps }: LossScaleState, overflow: boolean) => {
    const arrays = {
      hyper,
      found: Uint32Array.of(overflow ? 1 : 0),
      scale: Float32Array.of(scale),
      goodSteps: Float32Array.of(goodSteps),
      takenSteps: Float32Array.of(takenSteps),
      scaledHyper: new Float32Array(10).fill(Number.NaN),
    };
    const names = ["found", "scale", "goodSteps", "takenSteps", "scaledHyper"] as const;
    const after = await runKernel(device, lossScale(rule), arrays, names);
    expect(await runKernel(device, lossScale(rule), arrays, names)).toEqual(after);
    const state = { scale: after.scale[0], goodSteps: after.goodSteps[0], takenSteps: after.takenSteps[0] };
    return { state, found: after.found[0], scaledHyper: after.scaledHyper };
  };

  test.each<[string, LossScaleState]>([
    ["the start", { scale: 65_536, goodSteps: 0, takenSteps: 0 }],
    ["one before growth", { scale: 65_536, goodSteps: 2, takenSteps: 100 }],
    // Its inverse is the smallest that no adapter takes for 0.
    ["a scale that cannot grow", { scale: 2 ** 126, goodSteps: 2, takenSteps: 5 }],
  ])("%s, with and without overflow", async (_, state) => {
    for (const overflow of [false, true]) {
      const after = await run(state, overflow);
      expect(after.state).toEqual(lossScaleReference(state, overflow, rule));
      expect(after.found).toBe(0);
      expect(after.scaledHyper[9]).toBe(overflow ? 0 : 1);
      expect(after.scaledHyper[8]).toBe(1 / state.scale);
      expect([...after.scaledHyper.slice(0, 5), after.scaledHyper[7]]).toEqual([...hyper.slice(0, 5), hyper[7]]);
    }
  });

  test.each([1, 2, 3, 17, 100, 1023, 4096, 65_535, 1_000_000])("bias corrections of step %i", async (step) => {
    const { scaledHyper } = await run({ scale: 1, goodSteps: 0, takenSteps: step - 1 }, false);
    // From the decays that the kernel is given, 1 − f32(1 − β).
    const [beta1, beta2] = [1 - (hyper[1] as number), 1 - (hyper[2] as number)];
    expectClose("1 − β₁ᵗ", [scaledHyper[5] as number], [1 - beta1 ** step], 5e-7);
    expectClose("√(1 − β₂ᵗ)", [scaledHyper[6] as number], [Math.sqrt(1 - beta2 ** step)], 5e-7);
  });
});
