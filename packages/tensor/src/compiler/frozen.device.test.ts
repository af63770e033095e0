import { describe, expect, test } from "vitest";
import { constant } from "../graph/apply.js";
import type { HostData, Image, Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { batchNorm } from "../ops/batch-norm.js";
import { addBias } from "../ops/bias.js";
import { conv1x1, conv3x3, convTranspose2x2 } from "../ops/convolution.js";
import { add, relu } from "../ops/pointwise.js";
import { testDevice } from "../testing/device.js";
import { type CompileOptions, compile } from "./program.js";

const wave = (length: number, seed: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length }, (_, i) => Math.fround(Math.sin(i * 12.9898 * (seed + 1) + seed * 78.233)));

const vector = (name: string, values: (wave: number) => number, seed: number): Variable<readonly [3]> =>
  new Variable(name, [3] as const, wave(3, seed).map(values), "parameter");

/** With running statistics and weights that leave nothing as it is. */
const normalized = <X extends Image<3>>(x: X, seed: number) =>
  batchNorm(x, {
    weight: vector("weight", (value) => 1.5 + value, seed),
    bias: vector("bias", (value) => value, seed + 1),
    runningMean: vector("runningMean", (value) => 2 * value, seed + 2),
    runningVariance: vector("runningVariance", (value) => 1.2 + value, seed + 3),
    training: false,
    epsilon: 1e-5,
    momentum: 0.1,
  });

const weights = {
  wide: new Variable("wide", [3, 3, 3, 3] as const, wave(81, 1), "parameter"),
  wide2: new Variable("wide2", [3, 3, 3, 3] as const, wave(81, 2), "parameter"),
  narrow: new Variable("narrow", [3, 3, 1, 1] as const, wave(9, 3), "parameter"),
  transposed: new Variable("transposed", [3, 3, 2, 2] as const, wave(36, 4), "parameter"),
  bias: new Variable("bias", [3] as const, wave(3, 5), "parameter"),
};

type Build = (x: Image<3>) => Record<string, Tensor>;

const builds: Readonly<Record<string, Build>> = {
  "a convolution": (x) => ({ out: relu(normalized(conv3x3(x, weights.wide), 10)) }),
  "a convolution with a bias": (x) => ({
    out: relu(normalized(addBias(conv1x1(x, weights.narrow), weights.bias), 10)),
  }),
  "a residual block": (x) => {
    const inner = relu(normalized(conv3x3(x, weights.wide), 10));
    const main = normalized(conv3x3(inner, weights.wide2), 20);
    return { out: relu(add(main, addBias(conv1x1(x, weights.narrow), weights.bias))) };
  },
  "a residual block without a bias, the other way around": (x) => ({
    out: relu(add(conv1x1(x, weights.narrow), normalized(conv3x3(x, weights.wide), 10))),
  }),
  "a shortcut that is normalized too": (x) => ({
    out: add(normalized(conv3x3(x, weights.wide), 10), normalized(conv1x1(x, weights.narrow), 20)),
  }),
  "a convolution that is read elsewhere": (x) => {
    const read = conv3x3(x, weights.wide);
    return { out: add(relu(normalized(read, 10)), read) };
  },
  "a convolution that is given out": (x) => {
    const given = conv3x3(x, weights.wide);
    return { given, out: normalized(given, 10) };
  },
  "a norm that is read twice": (x) => {
    const norm = normalized(conv3x3(x, weights.wide), 10);
    return { out: add(add(norm, conv1x1(x, weights.narrow)), relu(norm)) };
  },
  "a transposed convolution": (x) => ({ out: relu(normalized(convTranspose2x2(x, weights.transposed), 10)) }),
  "a norm of what is no convolution": (x) => ({ out: normalized(relu(x) as Image<3>, 10) }),
};

const [batch, height, width] = [2, 9, 7];
const given = wave(batch * 3 * height * width, 9);

const programOf = (build: Build, options: CompileOptions) =>
  compile(
    { inputs: { x: { shape: [batch, 3, height, width], dtype: "f32" } }, build: ({ x }) => ({ outputs: build(x) }) },
    options,
  );

async function run(build: Build, options: CompileOptions): Promise<Record<string, HostData>> {
  const loaded = await programOf(build, options).load(await testDevice());
  const results: Record<string, HostData> = {};
  await loaded.run({ x: given });
  // Again: what is computed when it is loaded must still be there.
  await loaded.run({ x: given });
  for (const name of Object.keys(loaded.program.outputs)) results[name] = await loaded.read(name);
  loaded.destroy();
  return results;
}

function expectEqual(found: HostData | undefined, expected: HostData, limit: number): void {
  const largest = Math.max(...expected.map(Math.abs));
  expected.forEach((value, i) => {
    expect(Math.abs((found?.[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(limit * largest);
  });
}

describe("a program whose variables stay as they are", () => {
  test.each(Object.entries(builds))("%s: the same results", async (name, build) => {
    const own = (await testDevice()).kernels;
    for (const kernels of name === "a residual block" ? (["parallel", own] as const) : [own]) {
      const expected = await run(build, { kernels });
      const found = await run(build, { kernels, frozen: true });
      for (const [name, values] of Object.entries(expected)) expectEqual(found[name], values, 2e-6);
    }
  });

  test("in f16 to half precision", async (context) => {
    const device = await testDevice();
    if (!device.hasF16) return context.skip("adapter lacks shader-f16");
    const options = { kernels: device.kernels, precision: "f16" } as const;
    const build = builds["a residual block"] as Build;
    const expected = await run(build, options);
    const found = await run(build, { ...options, frozen: true });
    expectEqual(found.out, expected.out as HostData, 2e-3);
  });

  test("a run is the convolutions alone; weights and norms are taken once", () => {
    const labels = (frozen: boolean): string[] =>
      programOf(builds["a residual block"] as Build, { frozen }).calls.map(({ label }) => label);
    expect(labels(false).length).toBeGreaterThan(2);
    expect(labels(true)).toEqual(["conv3x3-blocked → relu", "conv3x3-blocked → relu"]);
    const { prologue } = programOf(builds["a residual block"] as Build, { frozen: true });
    expect(prologue.filter(({ label }) => label === "batch-norm-eval")).toHaveLength(2);
  });

  test("what depends on nothing else is computed when it is loaded", async () => {
    const program = compile(
      { inputs: {}, build: () => ({ outputs: { out: relu(constant([-1, 2], [2])) } }) },
      { frozen: true },
    );
    expect(program.dispatches).toBe(0);
    expect(program.describe()).toContain("calls once, when it is loaded: 1");
    const loaded = await program.load(await testDevice());
    await loaded.run();
    expect([...(await loaded.read("out"))]).toEqual([0, 2]);
    loaded.destroy();
  });

  test("one that changes a variable is refused", () => {
    const training: Build = (x) => ({
      out: batchNorm(conv3x3(x, weights.wide), {
        weight: vector("weight", () => 1, 0),
        bias: vector("bias", () => 0, 0),
        runningMean: vector("runningMean", () => 0, 0),
        runningVariance: vector("runningVariance", () => 1, 0),
        training: true,
        epsilon: 1e-5,
        momentum: 0.1,
      }),
    });
    expect(() => programOf(training, { frozen: true })).toThrow(
      "batch-norm-finish: changes a variable, which is frozen; compile without frozen, or call eval()",
    );
  });
});
