import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { noWeight } from "../contract/packing.js";
import { directionalDerivative, expectClose } from "../testing/close.js";
import { hasSubgroupsOfEight, testDevice } from "../testing/device.js";
import { attentionGate, attentionGateGrad, packAttentionGate } from "./attention-gate.js";
import { attentionGateReference, attentionPreReference } from "./attention-gate.reference.js";
import { type Arrays, attentionGateProblems, backward, forward, makeArrays, referenceOf } from "./testing.js";

let device: GPUDevice;
let eight = false;
beforeAll(async () => {
  device = await testDevice();
  eight = await hasSubgroupsOfEight();
});

test("reference, by hand", () => {
  const shape = { batch: 1, channels: 2, height: 1, width: 1 };
  const pre = attentionPreReference(
    { skip: [1, 2], gating: [3, 4], wx: [1, 1, -9, 0], wg: [1, 0, 0, 1], bias: [-2, 1] },
    { shape, inter: 2 },
  );
  expect([...pre]).toEqual([4, -4]);
  // score = 4·2 − 8 + ln 3
  const { gated, alpha } = attentionGateReference(
    { pre, psi: [2, 100], psiBias: [Math.log(3) - 8], skip: [1, 2] },
    shape,
  );
  expectClose("alpha", alpha, [0.75], 1e-12);
  expectClose("gated", gated, [0.75, 1.5], 1e-12);
});

test("packing, by hand: 2 channels, 1 intermediate", () => {
  const { length, source, index } = packAttentionGate(2, 1);
  expect(length).toBe(9 * 8);
  const filled = [...index.keys()].filter((i) => index[i] !== noWeight);
  expect(filled.map((i) => [i, source[i], index[i]])).toEqual([
    ...[0, 8].map((i, c) => [i, 0, c]),
    ...[16, 24].map((i, c) => [i, 1, c]),
    ...[32, 40, 48].map((i, k) => [i, 2 + k, 0]),
    ...[56, 57].map((i, c) => [i, 0, c]),
    ...[64, 65].map((i, c) => [i, 1, c]),
  ]);
});

test("scores beyond the range of exp", async () => {
  const problem = { shape: { batch: 1, channels: 1, height: 1, width: 3 }, inter: 1 };
  const one = Float32Array.of(1);
  const weights = { wx: one, wg: Float32Array.of(0), bias: Float32Array.of(0), psi: one };
  for (const [psiBias, alphas] of [
    [-500, [0, 0.5, 1]],
    [500, [1, 1, 1]],
  ] as const) {
    const arrays = {
      ...makeArrays(problem),
      ...weights,
      skip: Float32Array.of(0, 500, 1000),
      psiBias: Float32Array.of(psiBias),
    };
    const { output, alpha } = await forward(device, problem, arrays);
    expectClose("alpha", alpha, alphas);
    expectClose("gated", output, [0, 500 * alphas[1], 1000]);
    const { gradGating, gradSkip, gradPre, sums } = await backward(device, problem, arrays);
    expect([...gradGating, ...gradSkip, ...gradPre, ...sums].every(Number.isFinite)).toBe(true);
  }
});

describe.each(attentionGateProblems)("$why: $inter intermediate, $variant", ({ shape, inter, variant }) => {
  const problem = { shape, inter };
  const kernel = attentionGate(problem, variant);
  const gradKernel = attentionGateGrad(problem, variant);
  beforeEach((context) => {
    if (variant === "subgroup" && !eight) context.skip("adapter has no subgroups of 8");
  });
  const arrays = makeArrays(problem);

  test("output, and the same bits twice", async () => {
    const got = await forward(device, problem, arrays, kernel);
    const { gated, alpha } = referenceOf(arrays, problem);
    expectClose("gated", got.output, gated);
    expectClose("alpha", got.alpha, alpha);
    expect(await forward(device, problem, arrays, kernel)).toEqual(got);
  });

  test("gradients, and the same bits twice", async () => {
    const got = await backward(device, problem, arrays, gradKernel);
    const loss = (change: Partial<Record<keyof Arrays, ArrayLike<number>>>, pre?: ArrayLike<number>) => {
      const all = { ...arrays, ...change };
      const { gated } = attentionGateReference({ ...all, pre: pre ?? attentionPreReference(all, problem) }, shape);
      return gated.reduce((sum, value, i) => sum + value * (arrays.gradGated[i] as number), 0);
    };
    const differences = (f: (point: Float64Array) => number, at: ArrayLike<number>): Float64Array => {
      const point = Float64Array.from(at);
      return point.map((_, i) => {
        const direction = new Float64Array(point.length);
        direction[i] = 1;
        return directionalDerivative(f, point, direction);
      });
    };
    const pre = attentionPreReference(arrays, problem);
    const { skip, gating } = arrays;
    for (const [name, expected] of [
      ["gradPre", differences((point) => loss({}, point), pre)],
      ["gradSkip", differences((point) => loss({ skip: point }), skip)],
      ["gradGating", differences((point) => loss({ gating: point }), gating)],
    ] as const) {
      expectClose(name, got[name], expected);
    }
    const expected = [
      ...differences((bias) => loss({ bias }), arrays.bias),
      ...differences((psi) => loss({ psi }), arrays.psi),
      ...differences((psiBias) => loss({ psiBias }), arrays.psiBias),
    ];
    expectClose("gradients of bias, psi and psiBias", got.sums, expected);
    expect(await backward(device, problem, arrays, gradKernel)).toEqual(got);
  });
});
