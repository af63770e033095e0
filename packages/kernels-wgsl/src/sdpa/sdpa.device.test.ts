import { beforeAll, describe, expect, test } from "vitest";
import type { Kernel } from "../contract/kernel.js";
import { directionalDerivative, expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { checkAgainstFullStorage } from "../testing/half-storage.js";
import { type HostArray, runKernel } from "../testing/runner.js";
import { attentionCases } from "./sdpa.cases.js";
import { type AttentionProblem, scaledDotProductAttention } from "./sdpa.js";
import { attentionReference } from "./sdpa.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

test("reference, by hand: two keys, weights 1/4 and 3/4", () => {
  const problem = { batch: 1, heads: 1, queries: 1, keys: 2, depth: 4, valueDepth: 1 };
  const { attention, output } = attentionReference(
    [2 * Math.log(3), 0, 0, 0],
    [0, 9, 9, 9, 1, 9, 9, 9],
    [4, 8],
    problem,
  );
  expectClose("attention", attention, [0.25, 0.75], 1e-12);
  expectClose("output", output, [7], 1e-12);
});

function arraysOf({ batch, heads, queries, keys, depth, valueDepth }: AttentionProblem, scale: number) {
  const all = batch * heads;
  return {
    query: randomArray(all * queries * depth, 1, scale),
    key: randomArray(all * keys * depth, 2, scale),
    value: randomArray(all * keys * valueDepth, 3),
    gradOutput: randomArray(all * queries * valueDepth, 4),
    weights: all * queries * keys,
  };
}

async function runAll(problem: AttentionProblem, scale: number) {
  const kernels = scaledDotProductAttention(problem);
  const { query, key, value, gradOutput, weights } = arraysOf(problem, scale);
  const empty = (length: number) => new Float32Array(length).fill(Number.NaN);
  const product = async (kernel: typeof kernels.gradKey, matrix: HostArray, factor: HostArray, length: number) =>
    (await runKernel(device, kernel, { matrix, factor, output: empty(length) }, ["output"])).output;
  const { attention, output } = await runKernel(
    device,
    kernels.forward,
    { query, key, value, attention: empty(weights), output: empty(gradOutput.length) },
    ["attention", "output"],
  );
  const { gradScores } = await runKernel(
    device,
    kernels.gradScores,
    { attention, value, gradOutput, gradScores: empty(weights) },
    ["gradScores"],
  );
  const gradQuery = await product(kernels.gradQuery, gradScores, key, query.length);
  const gradKey = await product(kernels.gradKey, gradScores, query, key.length);
  const gradValue = await product(kernels.gradValue, attention, gradOutput, value.length);
  return { attention, output, gradQuery, gradKey, gradValue };
}

type Arrays = Readonly<Record<string, ArrayLike<number>>>;

describe.each(attentionCases)("$why", ({ problem, scale }) => {
  const { query, key, value, gradOutput, weights } = arraysOf(problem, scale);

  test("output and gradients, and the same bits twice", async () => {
    const got = await runAll(problem, scale);
    const expected = attentionReference(query, key, value, problem);
    expectClose("attention", got.attention, expected.attention);
    expectClose("output", got.output, expected.output);
    expect(await runAll(problem, scale)).toEqual(got);

    const dot = ({ output }: { output: Float64Array }) =>
      output.reduce((sum, o, i) => sum + o * (gradOutput[i] as number), 0);
    const checks = [
      ["gradQuery", got.gradQuery, query, (x: Float64Array) => dot(attentionReference(x, key, value, problem))],
      ["gradKey", got.gradKey, key, (x: Float64Array) => dot(attentionReference(query, x, value, problem))],
      ["gradValue", got.gradValue, value, (x: Float64Array) => dot(attentionReference(query, key, x, problem))],
    ] as const;
    for (const [what, gradient, point, loss] of checks) {
      if (problem.keys === 1 && what !== "gradValue") {
        expect([...gradient]).toEqual(Array(gradient.length).fill(0));
        continue;
      }
      if (point.length > 1000) {
        const direction = Float64Array.from(randomArray(point.length, 9));
        const expected = directionalDerivative(loss, Float64Array.from(point), direction);
        expectClose(what, [direction.reduce((sum, d, i) => sum + d * (gradient[i] as number), 0)], [expected], 1e-5);
        continue;
      }
      const expected = Float64Array.from(point, (_, at) => {
        const direction = new Float64Array(point.length);
        direction[at] = 1;
        return directionalDerivative(loss, Float64Array.from(point), direction);
      });
      expectClose(what, gradient, expected, scale > 1 ? 4e-5 : 1e-5);
    }
  });

  describe("f16 storage", () => {
    const kernels = scaledDotProductAttention(problem);
    const { attention } = attentionReference(query, key, value, problem);
    const gradScores = randomArray(weights, 5);

    // The output is a sum over attention weights that were rounded before; with values of both signs it shows more.
    const checks: [string, Kernel, Arrays, Record<string, number>, number?][] = [
      ["forward", kernels.forward, { query, key, value }, { output: gradOutput.length, attention: weights }, 2e-3],
      ["gradScores", kernels.gradScores, { attention, value, gradOutput }, { gradScores: weights }],
      ["gradQuery", kernels.gradQuery, { matrix: gradScores, factor: key }, { output: query.length }],
      ["gradKey", kernels.gradKey, { matrix: gradScores, factor: query }, { output: key.length }],
      ["gradValue", kernels.gradValue, { matrix: attention, factor: gradOutput }, { output: value.length }],
    ];
    for (const [name, kernel, inputs, outputs, tolerance] of checks) {
      test(name, async (context) => {
        if (!device.features.has("shader-f16")) return context.skip("adapter lacks shader-f16");
        await checkAgainstFullStorage(device, name, kernel, { inputs, outputs, tolerance });
      });
    }
  });
});
