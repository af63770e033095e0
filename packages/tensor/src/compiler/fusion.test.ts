import type { Reduction } from "@lobule/kernels-wgsl";
import { describe, expect, test } from "vitest";
import { gradients } from "../graph/gradients.js";
import { constant, type Image, type Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { attentionGate } from "../ops/attention-gate.js";
import { batchNorm } from "../ops/batch-norm.js";
import { conv3x3 } from "../ops/convolution.js";
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
          ...{ skip: x as Image<1>, gating: x as Image<1> },
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
