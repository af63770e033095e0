import { openGpu } from "@lobule/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { candidateVariants } from "../compiler/convolution-variants.js";
import { compile } from "../compiler/program.js";
import { Device } from "../device/device.js";
import { constant } from "../graph/apply.js";
import type { ConvolutionCall } from "../graph/convolution-call.js";
import type { Image } from "../graph/tensor.js";
import { conv3x3, convTranspose2x2 } from "../ops/convolution.js";
import { gradients } from "../ops/gradients.js";
import { channelSum, sum } from "../ops/sum.js";
import { type TuneOptions, tune } from "./tune.js";
import { bucketOf, Tuning, type TuningEntry, TuningError } from "./tuning.js";

let device: Device;
beforeAll(async () => {
  device = await Device.open(await openGpu(), { validate: true });
});
afterAll(() => device.destroy());

const image = (channels: number, size: number) => ({ batch: 2, channels, height: size, width: size });
const families = ["conv3x3", "conv1x1", "conv-transpose2x2"] as const;
const directions = ["forward", "grad-input", "grad-weight"] as const;
const calls: ConvolutionCall[] = families.flatMap((family) =>
  directions.map((direction) => ({ family, direction, input: image(3, 8), outChannels: 5 })),
);
const options = (changes: Partial<TuneOptions> = {}): TuneOptions => ({
  precision: "f32",
  effort: "full",
  budgetMilliseconds: 600_000,
  now: () => performance.now(),
  ...changes,
});

describe.each(["f32", "f16"] as const)("%s", (precision) => {
  test("every variant of every kind of call is verified and timed, and the file says so", async (context) => {
    if (precision === "f16" && !device.hasF16) context.skip("adapter lacks shader-f16");
    const tuning = Tuning.of(device);
    const result = await tune(device, calls, tuning, options({ precision }));
    expect(result).toEqual({ timed: 9, known: 0, left: 0, refused: [] });
    for (const call of calls) {
      const { fastest, variants } = tuning.entryOf(call, precision) as TuningEntry;
      const candidates = candidateVariants(call, device.reduction);
      expect(Object.keys(variants).sort()).toEqual([...candidates].sort());
      expect(candidates).toContain(fastest);
      for (const { milliseconds, error } of Object.values(variants)) {
        expect(milliseconds).toBeGreaterThan(0);
        expect(error).toBeLessThan(precision === "f16" ? 1e-3 : 1e-5);
      }
    }
    const again = Tuning.parse(JSON.parse(JSON.stringify(tuning)), device);
    expect(again.toJSON()).toEqual(tuning.toJSON());
    expect(await tune(device, calls, again, options({ precision }))).toEqual({
      timed: 0,
      known: 9,
      left: 0,
      refused: [],
    });
  });
});

/** The device, with the kernels of a GPU. */
const asGpu = (): Device => Object.create(device, { reduction: { value: "parallel" } });

test("on a GPU the tiled kernels are verified and timed too: of images where there are many channels", async () => {
  const many: ConvolutionCall[] = directions.map((direction) => ({
    family: "conv3x3",
    direction,
    input: image(17, 8),
    outChannels: 18,
  }));
  const tuning = Tuning.of(asGpu());
  const result = await tune(asGpu(), many, tuning, options({ effort: "quick" }));
  expect(result).toEqual({ timed: 3, known: 0, left: 0, refused: [] });
  for (const call of many) {
    expect(tuning.entryOf(call, "f32")?.variants.tiled?.error).toBeLessThan(1e-5);
    expect(candidateVariants(call, "subgroup")).not.toContain("tiled");
    const weights = call.direction === "grad-weight";
    expect(candidateVariants({ ...call, outChannels: 8 }, "parallel").includes("tiled")).toBe(weights);
    expect(candidateVariants({ ...call, family: "conv1x1" }, "parallel").includes("tiled")).toBe(weights);
    expect(candidateVariants({ ...call, family: "conv-transpose2x2" }, "parallel").includes("tiled")).toBe(weights);
  }
});

test("a tiled kernel is refused where it would sum for another reduction than its own", () => {
  const x = constant(new Float32Array(2 * 3 * 16), [2, 3, 4, 4]) as Image<3>;
  const build = () => ({
    outputs: { sums: channelSum(conv3x3(x, constant(new Float32Array(5 * 27), [5, 3, 3, 3]))) },
  });
  const tiled = (reduction: "parallel" | "serial") => ({ reduction, fastest: () => "tiled" as const });
  const { calls } = compile({ inputs: {}, build }, { kernels: tiled("parallel") });
  expect(calls.map(({ kernel }) => kernel.name)).toContain("conv3x3-tiled");
  expect(() => compile({ inputs: {}, build }, { kernels: tiled("serial") })).toThrow(
    "conv3x3-tiled sums for the parallel reduction only; compile with that, or another variant",
  );
});

test("with no time left the call with the most work is timed, the others keep their defaults", async () => {
  const tuning = Tuning.of(device);
  const small: ConvolutionCall = { family: "conv1x1", direction: "forward", input: image(2, 4), outChannels: 2 };
  const large: ConvolutionCall = { family: "conv1x1", direction: "forward", input: image(8, 16), outChannels: 8 };
  const result = await tune(device, [small, large], tuning, options({ effort: "quick", budgetMilliseconds: 0 }));
  expect(result).toMatchObject({ timed: 1, left: 1 });
  expect(tuning.fastest(large, "f32")).toBeDefined();
  expect(tuning.fastest(small, "f32")).toBeUndefined();
  expect(tuning.fastest(large, "f16")).toBeUndefined();
});

test("a bucket holds the same channels and about as many pixels", () => {
  const call: ConvolutionCall = { family: "conv3x3", direction: "forward", input: image(8, 64), outChannels: 16 };
  const near = { ...call, input: { ...image(8, 64), width: 60 } };
  expect(bucketOf(near, "f32")).toBe(bucketOf(call, "f32"));
  expect(bucketOf({ ...call, input: image(8, 32) }, "f32")).not.toBe(bucketOf(call, "f32"));
  expect(bucketOf({ ...call, outChannels: 8 }, "f32")).not.toBe(bucketOf(call, "f32"));
});

test("another adapter's file is refused, and an entry of another WGSL does not count", async () => {
  const tuning = Tuning.of(device);
  const [call] = calls as [ConvolutionCall];
  await tune(device, [call], tuning, options({ effort: "quick" }));
  const file = JSON.parse(JSON.stringify(tuning));
  expect(() => Tuning.parse({ ...file, adapter: "another" }, device)).toThrow(TuningError);
  expect(() => Tuning.parse({ format: "lobule-tuning-1" }, device)).toThrow(/no tuning of this version/);
  const [bucket] = Object.keys(file.entries) as [string];
  file.entries[bucket].sources = "00000000-1";
  expect(Tuning.parse(file, device).fastest(call, "f32")).toBeUndefined();
});

test("a program that is compiled with a tuning uses its variants and gives the same numbers", async () => {
  const x = constant(
    Float32Array.from({ length: 2 * 3 * 64 }, (_, i) => Math.sin(i)),
    [2, 3, 8, 8],
  );
  const wave = (length: number, k: number) => Float32Array.from({ length }, (_, i) => Math.cos(i * 0.3 + k));
  const w1 = constant(wave(135, 0), [5, 3, 3, 3]);
  const w2 = constant(wave(80, 1), [5, 4, 2, 2]);
  const build = () => {
    const up = convTranspose2x2(conv3x3(x as Image<3>, w1), w2);
    const each = gradients(sum(up), [x, w1, w2]).map((gradient, i) => [`gradient ${i}`, gradient] as const);
    return { outputs: { up, ...Object.fromEntries(each) } };
  };
  const run = async (kernels: Parameters<typeof compile>[1]) => {
    const program = compile({ inputs: {}, build }, kernels);
    const loaded = await program.load(device);
    await loaded.run();
    const results = await Promise.all(Object.keys(program.outputs).map((name) => loaded.read(name)));
    loaded.destroy();
    return { program, results };
  };
  const untuned = await run({ kernels: device.kernels });
  const tuning = Tuning.of(device);
  await tune(device, untuned.program.convolutions, tuning, options());
  // Whatever was the fastest: take the readable ones, which no default would.
  const plain = { reduction: device.reduction, fastest: () => "plain" as const };
  const tuned = await run({ kernels: tuning });
  const readable = await run({ kernels: plain });
  const tiled = await run({
    kernels: { reduction: "parallel", fastest: ({ family }) => (family === "conv3x3" ? "tiled" : undefined) },
  });
  expect(readable.program.calls.some(({ kernel }) => kernel.name === "conv3x3")).toBe(true);
  for (const { results } of [tuned, readable, tiled]) {
    results.forEach((result, i) => {
      const reference = untuned.results[i] as Float32Array;
      reference.forEach((value, at) => {
        expect(Math.abs(((result as Float32Array)[at] as number) - value)).toBeLessThan(1e-4 * (1 + Math.abs(value)));
      });
    });
  }
});
