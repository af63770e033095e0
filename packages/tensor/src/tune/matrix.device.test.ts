import { usesMatrices } from "@lobule/kernels-wgsl";
import { openGpu, openNullGpu } from "@lobule/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withEmulatedMatrices } from "../../../kernels-wgsl/src/testing/emulated-matrices.js";
import type { TunedKernels } from "../compiler/calls.js";
import { candidateVariants } from "../compiler/convolution-variants.js";
import { compile, type Program } from "../compiler/program.js";
import { Device } from "../device/device.js";
import { constant } from "../graph/apply.js";
import type { ConvolutionCall } from "../graph/convolution-call.js";
import type { HostData, Image, Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { batchNorm } from "../ops/batch-norm.js";
import { conv1x1, conv3x3 } from "../ops/convolution.js";
import { gradients } from "../ops/gradients.js";
import { multiply, sigmoid } from "../ops/pointwise.js";
import { sum } from "../ops/sum.js";
import { tune } from "./tune.js";
import { Tuning } from "./tuning.js";

let device: Device;
beforeAll(async () => {
  device = await Device.open(await openGpu(), { validate: true });
});
afterAll(() => device.destroy());

/** The device as a GPU that has matrix units. */
const withMatrices = (): Device =>
  Object.create(device, { reduction: { value: "parallel" }, hasMatrices: { value: true } });

/** And one on which the kernels that ask for them run, because they are emulated. */
const emulating = (): Device =>
  Object.create(withMatrices(), {
    check: { value: () => undefined },
    pipelines: {
      value: {
        get: (name: string, source: string) =>
          device.pipelines.get(name, usesMatrices(source) ? withEmulatedMatrices(source) : source),
      },
    },
  });

const input = { batch: 2, channels: 17, height: 9, width: 20 };
const calls = (["forward", "grad-input", "grad-weight"] as const).map(
  (direction): ConvolutionCall => ({ family: "conv3x3", direction, input, outChannels: 18 }),
);
/** A tuning that knows of these variants only: the others take long to compile. */
function tuningOf(gpu: Device): Tuning {
  const tuning = Tuning.of(gpu);
  const candidates: Tuning["candidates"] = (call, precision) =>
    tuning.candidates(call, precision).filter((variant) => ["plain", "tiled", "matrix"].includes(variant));
  return Object.create(tuning, { candidates: { value: candidates } });
}

const options = (precision: "f32" | "f16") =>
  ({ precision, effort: "quick", budgetMilliseconds: 600_000, now: () => performance.now() }) as const;

test("matrix kernels are candidates in f16 only, where the adapter has them, and never the default", () => {
  const [forward, , gradWeight] = calls as [ConvolutionCall, ConvolutionCall, ConvolutionCall];
  const tuning = Tuning.of(withMatrices());
  expect(tuning.candidates(forward, "f16")).toEqual([
    "tall",
    "blocked",
    "plain",
    "tiled",
    "matrix",
    "vector",
    "winograd",
  ]);
  expect(tuning.candidates(gradWeight, "f16")).toContain("matrix");
  for (const other of [
    tuning.candidates(forward, "f32"),
    tuning.candidates(gradWeight, "f32"),
    tuning.candidates({ ...forward, input: { ...input, width: 18 } }, "f16"),
    tuning.candidates({ ...forward, family: "conv1x1" }, "f16"),
    Tuning.of(device).candidates(forward, "f16"),
    candidateVariants(forward, "serial", true),
  ]) {
    expect(other).not.toContain("matrix");
  }
});

test("matrix kernels are verified before they are timed", async (context) => {
  if (!device.hasF16) context.skip("adapter lacks shader-f16");
  const gpu = emulating();
  const tuning = tuningOf(gpu);
  expect(await tune(gpu, calls, tuning, options("f16"))).toEqual({ timed: 3, known: 0, left: 0, refused: [] });
  for (const call of calls) {
    const { matrix, tiled } = tuning.entryOf(call, "f16")?.variants ?? {};
    expect(tiled?.error).toBeLessThan(1e-3);
    expect(matrix?.error).toBeLessThan(1e-3);
  }
  // Read by a device without them, the entries do not count.
  const elsewhere = tuningOf(Object.create(device, { reduction: { value: "parallel" } }));
  for (const call of calls) {
    elsewhere.keep(call, "f16", tuning.entryOf(call, "f16") ?? expect.fail("not timed"));
    expect(elsewhere.fastest(call, "f16")).toBeUndefined();
  }
});

test("a matrix kernel that the adapter does not compile is refused, with its reason, and the others are timed", async (context) => {
  if (!device.hasF16) context.skip("adapter lacks shader-f16");
  const gpu = withMatrices();
  const tuning = tuningOf(gpu);
  const { liveBuffers } = device;
  const [forward] = calls as [ConvolutionCall];
  const { timed, refused } = await tune(gpu, [forward], tuning, options("f16"));
  expect(timed).toBe(1);
  expect(refused).toMatchObject([{ variant: "matrix", error: Number.POSITIVE_INFINITY }]);
  expect(refused[0]?.failure).toMatch(/conv3x3-matrix does not compile/);
  expect(Object.keys(tuning.entryOf(forward, "f16")?.variants ?? {})).toEqual(["tiled"]);
  expect(device.liveBuffers).toBe(liveBuffers);
});

const noise = (length: number, k: number) =>
  Float32Array.from({ length }, (_, i) => (Math.sin((i + 1) * 12.9898 + k * 78.233) * 43758.5453) % 1);

/**
 * conv → BN → sigmoid → two convolutions, and gradients: with expressions in the loads and stores, statistics of both kinds
 * and a 1×1 convolution's gradient that is fused into a 3×3 one's.
 */
function program(kernels: TunedKernels, precision: "f16" | "f32" = "f16", shortcut = true): Program {
  const weight = (length: number, k: number) => noise(length, k).map((value) => value / 8);
  const w1 = constant(weight(18 * 17 * 9, 1), [18, 17, 3, 3]);
  const w2 = constant(weight(18 * 18 * 9, 2), [18, 18, 3, 3]);
  const w3 = constant(weight(18 * 18, 6), [18, 18, 1, 1]);
  return compile(
    {
      inputs: { x: { shape: [2, 17, 9, 20], dtype: "f32" } },
      build: ({ x }) => {
        const normalized = batchNorm(conv3x3(x as Image<17>, w1), {
          weight: constant(noise(18, 3), [18]),
          bias: constant(noise(18, 4), [18]),
          runningMean: new Variable("mean", [18], new Float32Array(18), "statistic"),
          runningVariance: new Variable("variance", [18], new Float32Array(18).fill(1), "statistic"),
          training: true,
          epsilon: 1e-5,
          momentum: 0.1,
        });
        const s = sigmoid(normalized);
        const y = shortcut ? multiply(conv3x3(s, w2), conv1x1(s, w3)) : conv3x3(s, w2);
        const [gx, g1] = gradients(sum(multiply(y, y)), [x, w1]) as [Tensor, Tensor];
        return { outputs: { y, gx, g1 } };
      },
    },
    { kernels, precision, storageBuffers: 10 },
  );
}

const matrices: TunedKernels = {
  reduction: "parallel",
  fastest: ({ family }) => (family === "conv3x3" ? "matrix" : undefined),
};
const tiled: TunedKernels = {
  reduction: "parallel",
  fastest: ({ family }) => (family === "conv3x3" ? "tiled" : undefined),
};
const plain: TunedKernels = { reduction: "parallel", fastest: () => "plain" };

test("with inlined slots they compile, on Dawn's null backend", async () => {
  const gpu = await Device.open(await openNullGpu(), { validate: true });
  expect(gpu.gpu.features.has("chromium-experimental-subgroup-matrix")).toBe(true);
  // It lists no kinds of product, so nothing would be timed on it.
  expect(gpu.hasMatrices).toBe(false);
  // It has the least of all limits, of workgroup memory and storage buffers: only the texts are compiled.
  const used = program(matrices).calls.filter(({ kernel }) => usesMatrices(kernel.source));
  const names = used.map(({ kernel }) => kernel.name).sort();
  expect(names).toEqual(["conv3x3-grad-weight-matrix", ...Array(4).fill("conv3x3-matrix")]);
  for (const { kernel } of used) {
    const module = gpu.gpu.createShaderModule({ code: kernel.source });
    expect((await module.getCompilationInfo()).messages).toEqual([]);
  }
  const having = (text: string) => used.filter(({ kernel }) => kernel.source.includes(text)).length;
  expect([having("statistics: array<vec4f>"), having("shortcutWeight")]).toEqual([2, 1]);
  gpu.destroy();
});

/** Relative L2 distances of the outputs of two programs, each on its device. */
async function distances(a: readonly [Program, Device], b: readonly [Program, Device]): Promise<number[]> {
  const [got, expected] = await Promise.all(
    [a, b].map(async ([made, on]) => {
      const loaded = await made.load(on);
      await loaded.run({ x: noise(2 * 17 * 9 * 20, 5) });
      const results = [await loaded.read("y"), await loaded.read("gx"), await loaded.read("g1")];
      loaded.destroy();
      return results;
    }),
  );
  return (got as HostData[]).map((values, i) => {
    const reference = expected?.[i] as HostData;
    return Math.hypot(...values.map((value, at) => value - (reference[at] as number))) / Math.hypot(...reference);
  });
}

test("a program with tiled kernels gives the results of one without", async () => {
  for (const error of await distances([program(tiled, "f32"), device], [program(plain, "f32"), device])) {
    expect(error).toBeLessThan(1e-5);
  }
});

test("a program with matrix kernels gives the results of one without, to f16's error", async (context) => {
  if (!device.hasF16) context.skip("adapter lacks shader-f16");
  const errors = await distances([program(matrices), emulating()], [program(plain), device]);
  for (const error of errors) expect(error).toBeLessThan(1e-3);
});

test("programs in f32 and adapters without matrix units refuse them", async () => {
  expect(() => program(matrices, "f32")).toThrow('matrix kernels multiply in f16: compile with precision "f16"');
  await expect(program(matrices).load(device)).rejects.toThrow(/uses matrix units|uses f16/);
});
