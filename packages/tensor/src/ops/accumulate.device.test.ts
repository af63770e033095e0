import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../compiler/program.js";
import type { Device } from "../device/device.js";
import { Variable } from "../graph/variable.js";
import { gradients } from "../ops/gradients.js";
import { testDevice } from "../testing/device.js";
import { accumulate } from "./accumulate.js";
import { adam } from "./adam.js";
import { multiply } from "./pointwise.js";
import { sum } from "./sum.js";

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const variable = (name: string, values: readonly number[], role: "parameter" | "moment" | "gradient"): Variable =>
  new Variable(name, [values.length], Float32Array.from(values), role);

describe("a batch in parts", () => {
  const parameters = [variable("a", [1, -2, 3], "parameter"), variable("b", [0.5], "parameter")];
  const zeros = (role: "moment" | "gradient"): Variable[] =>
    parameters.map(({ name, shape }) => variable(name, Array<number>(shape[0] as number).fill(0), role));
  const sums = zeros("gradient");

  test("the sum of the parts' gradients, and nothing of the batch before", async () => {
    const program = compile({
      inputs: { factor: { shape: [1], dtype: "f32" }, shares: { shape: [2], dtype: "f32" } },
      build: ({ factor, shares }) => {
        const loss = sum(multiply(sum(multiply(parameters[0] as Variable, parameters[0] as Variable)), factor));
        return { updates: [accumulate(parameters, gradients(loss, parameters), sums, shares)] };
      },
    });
    const step = await program.load(device);
    const run = (factor: number, keep: number, share: number): Promise<void> =>
      step.run({ factor: Float32Array.of(factor), shares: Float32Array.of(keep, share) });
    await run(Number.NaN, 0, 1);
    await run(1, 0, 0.25);
    await run(2, 1, 0.75);
    const [a, b] = await Promise.all(sums.map((each) => each.read()));
    expect([...(a ?? [])]).toEqual([3.5, -7, 10.5]); // 2p · (0.25 · 1 + 0.75 · 2)
    expect([...(b ?? [])]).toEqual([0]);
  });

  test("Adam takes the sums where they are: one dispatch", async () => {
    const [first, second] = [zeros("moment"), zeros("moment")];
    const program = compile({
      inputs: { hyper: { shape: [8], dtype: "f32" } },
      build: ({ hyper }) => ({ updates: [adam(parameters, sums, first, second, hyper)] }),
    });
    expect(program.dispatches).toBe(1);
    const step = await program.load(device);
    await step.run({ hyper: Float32Array.of(0.5, 0.1, 0.001, 0, 0, 0.1, Math.sqrt(0.001), 0) });
    const after = await parameters[0]?.read();
    [0.5, -1.5, 2.5].forEach((expected, i) => {
      expect(after?.[i]).toBeCloseTo(expected, 5);
    });
  });
});

test("sums of another shape are refused", () => {
  const [p, s] = [variable("p", [1, 2], "parameter"), variable("s", [1, 2, 3], "gradient")];
  const build = () =>
    compile({
      inputs: { shares: { shape: [2], dtype: "f32" } },
      build: ({ shares }) => ({ updates: [accumulate([p], gradients(sum(multiply(p, p)), [p]), [s], shares)] }),
    });
  expect(build).toThrow("accumulate: p is [2], its sum [3]");
});
