import type { Reduction } from "@lobule/kernels-wgsl";
import { describe, expect, test } from "vitest";
import { constant } from "../graph/apply.js";
import type { HostData, Image, Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { attentionGate } from "../ops/attention-gate.js";
import { batchNorm } from "../ops/batch-norm.js";
import { conv1x1, conv3x3 } from "../ops/convolution.js";
import { gradients } from "../ops/gradients.js";
import { maxPool2x2 } from "../ops/max-pool.js";
import { add, multiply, relu } from "../ops/pointwise.js";
import { sum } from "../ops/sum.js";
import { testDevice } from "../testing/device.js";
import { compile } from "./program.js";

const wave = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.fround(Math.sin(i * 12.9898 * (seed + 1) + seed * 78.233) * 1.3));

const relative = (got: ArrayLike<number>, reference: ArrayLike<number>): number => {
  let distance = 0;
  let norm = 0;
  for (let i = 0; i < reference.length; i++) {
    distance += ((got[i] as number) - (reference[i] as number)) ** 2;
    norm += (reference[i] as number) ** 2;
  }
  return Math.sqrt(distance / (norm || 1));
};

/** conv → BN → ReLU → conv → BN, plus the input, → ReLU → pool: the shape of the network's block. */
function block(x: Image<3>) {
  const weight = (name: string, seed: number) => new Variable(name, [3, 3, 3, 3] as const, wave(81, seed), "parameter");
  const vector = (name: string, value: number, role: "parameter" | "statistic" = "parameter") =>
    new Variable(name, [3] as const, new Float32Array(3).fill(value), role);
  const norm = (n: number) => ({
    weight: vector(`bn${n}.weight`, 1.1),
    bias: vector(`bn${n}.bias`, 0.2),
    runningMean: vector(`bn${n}.running_mean`, 0, "statistic"),
    runningVariance: vector(`bn${n}.running_var`, 1, "statistic"),
    training: true,
    epsilon: 1e-5,
    momentum: 0.1,
  });
  const [w1, w2, n1, n2] = [weight("conv1", 1), weight("conv2", 2), norm(1), norm(2)];
  const main = batchNorm(conv3x3(relu(batchNorm(conv3x3(x, w1), n1)), w2), n2);
  const out = relu(add(main, x));
  const pooled = maxPool2x2(out);
  const loss = add(sum(multiply(pooled, pooled)), sum(out));
  const parameters = [w1, w2, n1.weight, n1.bias, n2.weight, n2.bias];
  return {
    loss,
    out,
    parameters,
    statistics: [n1.runningMean, n1.runningVariance, n2.runningMean, n2.runningVariance],
  };
}

async function run(fusion: boolean, kernels: Reduction | "plain") {
  const device = await testDevice();
  const made: { statistics: Variable[] } = { statistics: [] };
  const program = compile(
    {
      inputs: { x: { shape: [2, 3, 7, 6], dtype: "f32" } },
      build: ({ x }) => {
        const { loss, out, parameters, statistics } = block(x as Image<3>);
        made.statistics = statistics;
        const grads = gradients(loss, [...parameters, x]);
        const outputs: Record<string, Tensor> = { loss, out };
        grads.forEach((gradient, i) => {
          outputs[`gradient ${i}`] = gradient;
        });
        return { outputs };
      },
    },
    { fusion, kernels },
  );
  const loaded = await program.load(device);
  await loaded.run({ x: wave(2 * 3 * 7 * 6, 9) });
  const results: Record<string, ArrayLike<number>> = {};
  for (const name of Object.keys(program.outputs)) results[name] = await loaded.read(name);
  for (const variable of made.statistics) results[variable.name] = await variable.read();
  loaded.destroy();
  return { program, results };
}

/** The two ways through a residual block whose channels change: the gradients of both meet at `x`. */
function twoWays(x: Image<3>) {
  const w3 = new Variable("w3", [5, 3, 3, 3] as const, wave(135, 3), "parameter");
  const w1 = new Variable("w1", [5, 3, 1, 1] as const, wave(15, 4), "parameter");
  const out = multiply(conv3x3(x, w3), conv1x1(x, w1));
  return gradients(sum(multiply(out, out)), [x, w3, w1]) as [Tensor, Tensor, Tensor];
}

describe("the gradients of a 3×3 and a 1×1 convolution of the same image", () => {
  const compiled = (fusion: boolean, kernels: Reduction | "plain", more = false) =>
    compile(
      {
        inputs: { x: { shape: [2, 3, 9, 6], dtype: "f32" } },
        build: ({ x }) => {
          const [ofX, ofW3, ofW1] = twoWays(x as Image<3>);
          // Another reader of the sum of both does not part them.
          return { outputs: { ofX, ofW3, ofW1, ...(more ? { twice: add(ofX, ofX) } : {}) } };
        },
      },
      { fusion, kernels },
    );

  test("are computed by one kernel, with the same numbers", async () => {
    const device = await testDevice();
    const results = async (program: ReturnType<typeof compiled>) => {
      const loaded = await program.load(device);
      await loaded.run({ x: wave(2 * 3 * 9 * 6, 5) });
      const read = [await loaded.read("ofX"), await loaded.read("ofW3"), await loaded.read("ofW1")];
      loaded.destroy();
      return read;
    };
    const reference = await results(compiled(false, "plain"));
    for (const kernels of ["plain", "parallel", "serial", device.reduction] as const) {
      for (const more of [false, true]) {
        const program = compiled(true, kernels, more);
        expect(
          program.calls.filter(({ kernel }) => "shortcutChannels" in (kernel.launches[0]?.sizes ?? {})),
        ).toHaveLength(2);
        expect(program.calls.filter(({ kernel }) => kernel.source.includes("shortcutWeight"))).toHaveLength(1);
        const got = await results(program);
        got.forEach((values, i) => {
          expect(relative(values, reference[i] as HostData)).toBeLessThan(1e-5);
        });
      }
    }
  });

  test("stay apart where something else reads one of them", () => {
    const program = compile({
      inputs: { x: { shape: [2, 3, 9, 6], dtype: "f32" }, g: { shape: [2, 5, 9, 6], dtype: "f32" } },
      build: ({ x, g }) => {
        const w3 = new Variable("w3", [5, 3, 3, 3] as const, wave(135, 3), "parameter");
        const w1 = new Variable("w1", [5, 3, 1, 1] as const, wave(15, 4), "parameter");
        const [of3] = gradients(conv3x3(x as Image<3>, w3), [x], g) as [Image<3>];
        const [of1] = gradients(conv1x1(x as Image<3>, w1), [x], g) as [Image<3>];
        return { outputs: { sum: relu(add(of1, of3)), of1 } };
      },
    });
    expect(program.calls.some(({ kernel }) => kernel.source.includes("shortcutWeight"))).toBe(false);
  });
});

describe("fusion", () => {
  test("fused and unfused, with every kind of kernels, agree to 1e-5 on a residual block and all its gradients", async () => {
    const unfused = await run(false, "plain");
    const others = [
      ...[await run(true, "parallel"), await run(true, "serial"), await run(true, "plain")],
      ...[await run(false, "parallel"), await run(false, "serial")],
    ];
    if ((await testDevice()).reduction === "subgroup") {
      others.push(await run(true, "subgroup"), await run(false, "subgroup"));
    }
    for (const other of others) {
      for (const [name, reference] of Object.entries(unfused.results)) {
        expect.soft(relative(other.results[name] as ArrayLike<number>, reference), name).toBeLessThan(1e-5);
      }
    }
    const fused = await run(true, "parallel");
    expect(fused.program.dispatches).toBeLessThan(unfused.program.dispatches * 0.6);
    expect(fused.program.temporaryBytes).toBeLessThan(unfused.program.temporaryBytes);
  });

  test("what needs another output of the same kernel is not pasted into its store", async () => {
    const variable = <const S extends readonly number[]>(name: string, shape: S, values: number[]): Variable<S> =>
      new Variable(name, shape, Float32Array.from(values), "parameter");
    const program = compile({
      inputs: { x: { shape: [1, 1, 1, 2], dtype: "f32" } },
      build: ({ x }) => {
        const { gated, alpha } = attentionGate({
          skip: x as Image<1>,
          gating: x as Image<1>,
          wx: variable("wx", [1, 1, 1, 1], [1]),
          wg: variable("wg", [1, 1, 1, 1], [1]),
          wgBias: variable("wgBias", [1], [0]),
          psi: variable("psi", [1, 1, 1, 1], [Math.log(3) / 2]),
          psiBias: variable("psiBias", [1], [0]),
        });
        return { outputs: { sum: add(gated, relu(alpha)) } };
      },
    });
    const loaded = await program.load(await testDevice());
    await loaded.run({ x: Float32Array.of(1, -2) });
    // σ(ln 3) = ¾, σ(0) = ½
    expect([...(await loaded.read("sum"))]).toEqual([expect.closeTo(1.5, 5), expect.closeTo(-0.5, 5)]);
    loaded.destroy();
  });

  test("a graph is built, printed and planned without a GPU", () => {
    const x = constant(wave(2 * 3 * 8 * 8, 1), [2, 3, 8, 8]);
    const program = compile({ inputs: {}, build: () => ({ outputs: { loss: block(x).loss } }) });
    expect(program.describe()).toContain("conv3x3");
    expect(program.describe()).toMatch(/\d+ dispatches, [\d.]+ GFLOP/);
  });
});
