import { describe, expect, test } from "vitest";
import { constant } from "../graph/apply.js";
import type { Image, Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { batchNorm } from "../ops/batch-norm.js";
import { concatChannels } from "../ops/channels.js";
import { conv1x1, conv3x3 } from "../ops/convolution.js";
import { gradients } from "../ops/gradients.js";
import { maxPool2x2 } from "../ops/max-pool.js";
import { add, multiply, relu } from "../ops/pointwise.js";
import { sum } from "../ops/sum.js";
import { testDevice } from "../testing/device.js";
import { arrange } from "./arrange.js";
import { type CompileOptions, compile } from "./program.js";

const wave = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.fround(Math.sin(i * 12.9898 * (seed + 1) + seed * 78.233)));

/** What every kind of fusing finds something to do in: a residual block, a pooled 1×1 convolution, a concatenation. */
function network(x: Image<1>): Readonly<Record<string, Tensor>> {
  const parameter = <Shape extends readonly number[]>(name: string, shape: Shape) =>
    new Variable(
      name,
      shape,
      wave(
        shape.reduce((product, length) => product * length, 1),
        name.length,
      ),
      "parameter",
    );
  const wide = parameter("wide", [2, 1, 3, 3] as const);
  const narrow = parameter("a narrow one", [2, 1, 1, 1] as const);
  const pooled = parameter("pooled", [2, 2, 1, 1] as const);
  const joined = parameter("joined.....", [2, 4, 3, 3] as const);
  const vector = (name: string, value: number, role: "parameter" | "statistic") =>
    new Variable(name, [2] as const, new Float32Array(2).fill(value), role);
  const normed = (image: Image<2>, name: string): Image<2> =>
    batchNorm(image, {
      weight: vector(`${name} weight`, 1.1, "parameter"),
      bias: vector(`${name} bias`, 0.2, "parameter"),
      runningMean: vector(`${name} mean`, 0, "statistic"),
      runningVariance: vector(`${name} variance`, 1, "statistic"),
      training: true,
      epsilon: 1e-5,
      momentum: 0.1,
    });
  const block = relu(normed(add(conv3x3(x, wide), conv1x1(x, narrow)), "block"));
  const skip = conv1x1(block, pooled);
  const small = maxPool2x2(skip);
  const out = relu(normed(conv3x3(concatChannels(relu(skip), block), joined), "out"));
  const loss = add(sum(multiply(out, out)), sum(multiply(small, small)));
  const named = gradients(loss, [wide, narrow, pooled, joined, x]).map((each, i) => [`gradient ${i}`, each]);
  return { loss, ...Object.fromEntries(named) };
}

const shape = [2, 1, 6, 8] as const;
const programOf = (options: CompileOptions) =>
  compile(
    {
      inputs: { x: { shape, dtype: "f32" } },
      build: ({ x }) => ({ outputs: network(x as Image<1>) }),
    },
    options,
  );
/** Calls of convolutions and of pooling, in their order: what they compute, and what they bind but for sizes. */
const kernelCalls = (options: CompileOptions) =>
  programOf(options)
    .calls.filter(({ kernel }) => /^(conv|max-pool)/.test(kernel.name))
    .map(({ label, operands }) => ({
      label,
      bound: operands.flatMap(({ name, access }) => (access === "uniform" ? [] : [name])),
    }));

describe("kernels to which fusing gives more than they may bind", () => {
  test("every kind of fusing finds something in the network", () => {
    const roots = Object.values(network(constant(wave(96, 9), shape)));
    const options = { fusion: true, kernels: "parallel", precision: "f32", recompute: false, frozen: false } as const;
    const { fusion } = arrange(roots, roots.length, { ...options, storageBuffers: 8 });
    const found = { ...fusion, epilogues: [...fusion.epilogues.values()].filter((chain) => chain.length > 1) };
    for (const [kind, all] of Object.entries(found)) expect([...all].length, kind).toBeGreaterThan(0);
  });

  test("are the kernels that are planned without fusing, whatever its kind", () => {
    expect(kernelCalls({})).not.toEqual(kernelCalls({ fusion: false }));
    for (const kernels of ["parallel", "serial", "subgroup"] as const)
      expect(kernelCalls({ kernels, storageBuffers: 0 })).toEqual(kernelCalls({ kernels, fusion: false }));
  });

  test("bind as many as they may, and compute the same", async () => {
    const device = await testDevice();
    const { kernels } = device;
    for (const { label, bound } of kernelCalls({ kernels, storageBuffers: 4 }))
      expect(bound.length, label).toBeLessThanOrEqual(4);
    const results = [];
    for (const options of [{ storageBuffers: 4 }, { fusion: false }]) {
      const program = programOf({ kernels, ...options });
      const loaded = await program.load(device);
      await loaded.run({ x: wave(96, 9) });
      const read: Record<string, number[]> = {};
      for (const name of Object.keys(program.outputs)) read[name] = [...(await loaded.read(name))];
      loaded.destroy();
      results.push(read);
    }
    const [few = {}, alone = {}] = results;
    for (const [name, values] of Object.entries(alone)) {
      const norm = Math.hypot(...values);
      expect(Math.hypot(...values.map((value, i) => value - (few[name]?.[i] ?? Number.NaN))), name).toBeLessThan(
        1e-5 * norm,
      );
    }
  });
});
