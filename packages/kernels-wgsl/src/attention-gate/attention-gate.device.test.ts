import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { imageSize, type Kernel } from "../contract/kernel.js";
import { noWeight } from "../contract/packing.js";
import { fromHalf, toHalf } from "../convert/half.js";
import { directionalDerivative, expectClose, randomArray } from "../testing/close.js";
import { hasSubgroupsOfEight, testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { replaceSlots } from "../transforms/slots.js";
import { partialsPerWorkgroup, sumsSlot } from "../transforms/statistics.js";
import { withStorageType } from "../transforms/wgsl-text.js";
import { attentionGateCases } from "./attention-gate.cases.js";
import { type AttentionGateProblem, attentionGate, attentionGateGrad, packAttentionGate } from "./attention-gate.js";
import { attentionGateReference, attentionPreReference } from "./attention-gate.reference.js";

let device: GPUDevice;
let eight = false;
beforeAll(async () => {
  device = await testDevice();
  eight = await hasSubgroupsOfEight();
});

type Weights = Readonly<Record<"wx" | "wg" | "bias" | "psi" | "psiBias", Float32Array>>;

const empty = (length: number): Float32Array => new Float32Array(length).fill(Number.NaN);

function pack({ wx, wg, bias, psi, psiBias }: Weights, channels: number, inter: number): Float32Array {
  const { length, source, index } = packAttentionGate(channels, inter);
  const sources = [wx, wg, bias, psi, psiBias];
  return Float32Array.from({ length }, (_, i) => {
    const from = index[i] as number;
    return from === noWeight ? 0 : ((sources[source[i] as number] as Float32Array)[from] as number);
  });
}

function makeArrays({ shape, inter }: AttentionGateProblem, scale = 1) {
  const { channels } = shape;
  const fan = 1 / Math.sqrt(channels);
  return {
    skip: randomArray(imageSize(shape), 1),
    gating: randomArray(imageSize(shape), 2),
    gradGated: randomArray(imageSize(shape), 3),
    wx: randomArray(inter * channels, 4, fan),
    wg: randomArray(inter * channels, 5, fan),
    bias: randomArray(inter, 6, 0.5),
    psi: randomArray(inter, 7, scale / Math.sqrt(inter)),
    psiBias: Float32Array.of(0.3),
  };
}

type Arrays = ReturnType<typeof makeArrays>;

const referenceOf = (arrays: Readonly<Record<keyof Arrays, ArrayLike<number>>>, problem: AttentionGateProblem) =>
  attentionGateReference({ ...arrays, pre: attentionPreReference(arrays, problem) }, problem.shape);

async function forward(
  problem: AttentionGateProblem,
  arrays: Arrays,
  kernel: Kernel = attentionGate(problem, "parallel"),
) {
  const { skip, gating } = arrays;
  const parameters = pack(arrays, problem.shape.channels, problem.inter);
  const alpha = empty(skip.length / problem.shape.channels);
  const bound = { skip, gating, parameters, alpha, output: empty(skip.length) };
  return runKernel(device, kernel, bound, ["output", "alpha"]);
}

/** Adds up what `partials` holds, and parts `gradients`. */
function results(
  { output, gradients, partials }: Readonly<Record<"output" | "gradients" | "partials", ArrayLike<number>>>,
  { shape: { batch, channels, height, width }, inter }: AttentionGateProblem,
) {
  const row = 2 * inter + 1;
  const sums = new Float64Array(row);
  for (let i = 0; i < partials.length; i++) sums[i % row] = (sums[i % row] as number) + (partials[i] as number);
  const pixels = height * width;
  const channelsOf = (first: number, end: number): number[] =>
    Array.from(gradients).filter((_, i) => {
      const channel = Math.floor(i / pixels) % (inter + channels);
      return channel >= first && channel < end;
    });
  expect(gradients.length).toBe(batch * (inter + channels) * pixels);
  return {
    gradGating: Array.from(output),
    sums,
    gradPre: channelsOf(0, inter),
    gradSkip: channelsOf(inter, inter + channels),
  };
}

async function backward(
  problem: AttentionGateProblem,
  arrays: Arrays,
  kernel = attentionGateGrad(problem, "parallel"),
) {
  const { skip, gating, gradGated } = arrays;
  const { shape, inter } = problem;
  const bound = {
    skip,
    gating,
    gradOutput: gradGated,
    parameters: pack(arrays, shape.channels, inter),
    gradients: empty((skip.length / shape.channels) * (inter + shape.channels)),
    output: empty(skip.length),
    partials: empty(kernel.partials * (2 * inter + 1)),
  };
  return results(await runKernel(device, kernel, bound, ["output", "gradients", "partials"]), problem);
}

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
    const { output, alpha } = await forward(problem, arrays);
    expectClose("alpha", alpha, alphas);
    expectClose("gated", output, [0, 500 * alphas[1], 1000]);
    const { gradGating, gradSkip, gradPre, sums } = await backward(problem, arrays);
    expect([...gradGating, ...gradSkip, ...gradPre, ...sums].every(Number.isFinite)).toBe(true);
  }
});

/** The kernel with loads and a store that go by the coordinates instead of the pixel's index. */
function byCoordinates<K extends Kernel>(kernel: K, inputs: readonly string[]): K {
  const loads = inputs.map((slot): [string, string] => {
    const array = slot.charAt(0).toLowerCase() + slot.slice(1);
    return [
      `load${slot}`,
      `fn load${slot}(channel: ${slot}Channel, y: u32, x: u32, pixel: u32) -> f32 {
  return ${array}[channel.base + y * sizes.width + x];
}`,
    ];
  });
  const storeOutput = `fn storeOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {
  output[channel.base + y * sizes.width + x] = value;
}`;
  const definitions = { ...Object.fromEntries(loads), storeOutput };
  return { ...kernel, source: replaceSlots(kernel.source, [{ bindings: [], definitions }]) };
}

const problems = attentionGateCases.flatMap((each) =>
  (["parallel", "serial", "subgroup"] as const).map((variant) => ({ ...each, variant })),
);

describe.each(problems)("$why: $inter intermediate, $variant", ({ shape, inter, variant }) => {
  const problem = { shape, inter };
  const kernel = attentionGate(problem, variant);
  const gradKernel = attentionGateGrad(problem, variant);
  beforeEach((context) => {
    if (variant === "subgroup" && !eight) context.skip("adapter has no subgroups of 8");
  });
  const arrays = makeArrays(problem);

  test("output, and the same bits twice", async () => {
    const got = await forward(problem, arrays, kernel);
    const { gated, alpha } = referenceOf(arrays, problem);
    expectClose("gated", got.output, gated);
    expectClose("alpha", got.alpha, alpha);
    expect(await forward(problem, arrays, kernel)).toEqual(got);
  });

  test("gradients, and the same bits twice", async () => {
    const got = await backward(problem, arrays, gradKernel);
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
    expect(await backward(problem, arrays, gradKernel)).toEqual(got);
  });

  test("slots see the right coordinates", async () => {
    const got = await forward(problem, arrays, kernel);
    const moved = byCoordinates(kernel, ["Skip", "Gating"]);
    expect(await forward(problem, arrays, moved)).toEqual(got);
    const gradient = byCoordinates(gradKernel, ["Skip", "Gating", "GradOutput"]);
    expect(await backward(problem, arrays, gradient)).toEqual(await backward(problem, arrays, gradKernel));
  });

  test("statistics of the gradient of gating", async () => {
    const { skip, gating, gradGated: gradOutput } = arrays;
    const { channels } = shape;
    const partials = (gradKernel.statistics?.partials ?? 0) * partialsPerWorkgroup(variant);
    const withSums = { ...gradKernel, source: replaceSlots(gradKernel.source, [sumsSlot("value * value", variant)]) };
    const bound = {
      skip,
      gating,
      gradOutput,
      parameters: pack(arrays, channels, inter),
      gradients: empty((skip.length / channels) * (inter + channels)),
      output: empty(skip.length),
      partials: empty(gradKernel.partials * (2 * inter + 1)),
      statistics: empty(partials * channels * 4),
    };
    const { output, statistics } = await runKernel(device, withSums, bound, ["output", "statistics"]);
    const expected = new Float64Array(4 * channels);
    output.forEach((value, i) => {
      const c = Math.floor(i / shape.height / shape.width) % channels;
      [1, value, value * value].forEach((term, k) => {
        expected[4 * c + k] = (expected[4 * c + k] as number) + term;
      });
    });
    const sums = new Float64Array(4 * channels);
    statistics.forEach((value, i) => {
      sums[i % sums.length] = (sums[i % sums.length] as number) + value;
    });
    expectClose("statistics", sums, expected);
  });

  test("f16 storage", async (context) => {
    if (!device.features.has("shader-f16")) return context.skip("adapter lacks shader-f16");
    const half = { skip: toHalf(arrays.skip), gating: toHalf(arrays.gating), gradOutput: toHalf(arrays.gradGated) };
    const rounded = {
      ...arrays,
      skip: fromHalf(half.skip),
      gating: fromHalf(half.gating),
      gradGated: fromHalf(half.gradOutput),
    };
    const reference = referenceOf(rounded, problem);
    const parameters = pack(arrays, shape.channels, inter);
    const nan = (length: number) => new Uint16Array(length).fill(0x7e00);
    const asHalf = <K extends Kernel>(kernel: K): K => ({ ...kernel, source: withStorageType(kernel.source, "f16") });
    const { skip, gating, gradOutput } = half;

    const bound = { skip, gating, parameters, alpha: nan(reference.alpha.length), output: nan(skip.length) };
    const got = await runKernel(device, asHalf(kernel), bound, ["output", "alpha"]);
    expectClose("gated", fromHalf(got.output), reference.gated, 1e-3);
    expectClose("alpha", fromHalf(got.alpha), reference.alpha, 1e-3);

    // The f32 kernel on the same rounded numbers stands for the reference.
    const exact = await backward(problem, rounded);
    const halfGrad = asHalf(gradKernel);
    const bound16 = {
      skip,
      gating,
      gradOutput,
      parameters,
      gradients: nan((skip.length / shape.channels) * (inter + shape.channels)),
      output: nan(skip.length),
      partials: empty(halfGrad.partials * (2 * inter + 1)),
    };
    const raw = await runKernel(device, halfGrad, bound16, ["output", "gradients", "partials"]);
    const gradient = results({ ...raw, output: fromHalf(raw.output), gradients: fromHalf(raw.gradients) }, problem);
    for (const name of ["gradPre", "gradSkip", "gradGating"] as const) {
      expectClose(`${name}, f16`, gradient[name], exact[name], 1e-3);
    }
    // Only beyond the first 8 intermediate channels do the sums see rounded numbers.
    expectClose("partials, f16", gradient.sums, exact.sums, inter <= 8 ? 1e-5 : 1e-3);
  });
});
