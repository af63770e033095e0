import { beforeAll, beforeEach, describe, test } from "vitest";
import { fromHalf, toHalf } from "../contract/half.js";
import type { Kernel } from "../contract/kernel.js";
import { expectClose } from "../testing/close.js";
import { hasSubgroupsOfEight, testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { replaceSlots } from "../transforms/slots.js";
import { partialsPerWorkgroup, sumsSlot } from "../transforms/statistics.js";
import { hasFunction, withStorageType } from "../transforms/wgsl-text.js";
import { attentionGate, attentionGateGrad } from "./attention-gate.js";
import { backward, empty, forward, makeArrays, pack, referenceOf, results } from "./testing.js";

let device: GPUDevice;
let eight = false;
beforeAll(async () => {
  device = await testDevice();
  eight = await hasSubgroupsOfEight();
});

/** The kernel with loads and a store that go by the coordinates instead of the index of the pixel or quad. */
function byCoordinates<K extends Kernel>(kernel: K, inputs: readonly string[]): K {
  const quads = hasFunction(kernel.source, "storeOutputQuad");
  const [suffix, type, place, at] = quads
    ? ["Quad", "vec4f", "y: u32, quad: u32, place: u32", "y * sizes.quads + quad"]
    : ["", "f32", "y: u32, x: u32, pixel: u32", "y * sizes.width + x"];
  const loads = inputs.map((slot): [string, string] => {
    const array = slot.charAt(0).toLowerCase() + slot.slice(1);
    return [
      `load${slot}${suffix}`,
      `fn load${slot}${suffix}(channel: ${slot}Channel, ${place}) -> ${type} {
  return ${array}[channel.base + ${at}];
}`,
    ];
  });
  const store = `fn storeOutput${suffix}(channel: OutputChannel, value: ${type}, ${place}) {
  output[channel.base + ${at}] = value;
}`;
  const definitions = { ...Object.fromEntries(loads), [`storeOutput${suffix}`]: store };
  return { ...kernel, source: replaceSlots(kernel.source, [{ bindings: [], definitions }]) };
}

// Slots do not depend on extents: more than a block of channels, and several quads, have all that they see.
const problem = { shape: { batch: 2, channels: 9, height: 3, width: 8 }, inter: 3 };

describe.each(["parallel", "serial", "subgroup", "vector"] as const)("%s", (variant) => {
  const { shape, inter } = problem;
  const kernel = attentionGate(problem, variant);
  const gradKernel = attentionGateGrad(problem, variant);
  beforeEach((context) => {
    if (variant === "subgroup" && !eight) context.skip("adapter has no subgroups of 8");
  });
  const arrays = makeArrays(problem);

  test("slots of the output see the right coordinates", async () => {
    const got = await forward(device, problem, arrays, byCoordinates(kernel, ["Skip", "Gating"]));
    const { gated, alpha } = referenceOf(arrays, problem);
    expectClose("gated", got.output, gated);
    expectClose("alpha", got.alpha, alpha);
  });

  test("slots of the gradient too, and its statistics are of what it stores", async () => {
    const { skip, gating, gradGated: gradOutput } = arrays;
    const { channels } = shape;
    const reduction = variant === "vector" ? "parallel" : variant;
    const partials = (gradKernel.statistics?.partials ?? 0) * partialsPerWorkgroup(reduction);
    const slot = sumsSlot("value * value", reduction, "", hasFunction(gradKernel.source, "addQuadToStatistics"));
    const moved = byCoordinates(gradKernel, ["Skip", "Gating", "GradOutput"]);
    const withSums = { ...moved, source: replaceSlots(moved.source, [slot]) };
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
    const names = ["output", "gradients", "partials", "statistics"] as const;
    const { statistics, ...raw } = await runKernel(device, withSums, bound, names);
    // As it stands, and of every variant, the kernel is compared with differences in the other file.
    const asItStands = await backward(device, problem, arrays);
    const gradient = results(raw, problem);
    for (const name of ["gradPre", "gradSkip", "gradGating", "sums"] as const) {
      expectClose(name, gradient[name], asItStands[name]);
    }
    const expected = new Float64Array(4 * channels);
    raw.output.forEach((value, i) => {
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
    const exact = await backward(device, problem, rounded);
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
    // Only beyond the first 8 intermediate channels would the sums see rounded numbers.
    expectClose("partials, f16", gradient.sums, exact.sums, 1e-5);
  });
});
