import { openGpu } from "@lobule/node";
import { compile, constant, Device, gradients, multiply, sum, Variable } from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Adam } from "./adam.js";
import { OptimizerStateError } from "./optimizer-state.js";

const parameter = (name: string, values: readonly number[]): readonly [string, Variable] => [
  name,
  new Variable(name, [values.length], Float32Array.from(values), "parameter"),
];

describe("the numbers of a step", () => {
  test("bias corrections come from float64", () => {
    const adam = new Adam(new Map(), { learningRate: 0.01, weightDecay: 0.5, decoupledWeightDecay: 0.25 });
    expect(adam.hyper(1)).toEqual(
      Float32Array.of(0.01, 1 - 0.9, 1 - 0.999, 1e-8, 0.5, 1 - 0.9, Math.sqrt(1 - 0.999), 0.25),
    );
    expect(adam.hyper(1000)[6]).toBe(Math.fround(Math.sqrt(1 - 0.999 ** 1000)));
  });

  test("advance counts, and the learning rate may change", () => {
    const adam = new Adam(new Map());
    adam.advance();
    adam.learningRate = 0.5;
    expect(adam.advance()).toEqual(adam.hyper(2));
    expect(adam.hyper()[0]).toBe(0.5);
    expect(adam.steps).toBe(2);
    expect(() => adam.hyper(0)).toThrow("steps count from 1, got 0");
  });
});

describe("state", () => {
  const make = (): Adam => new Adam(new Map([parameter("a.weight", [1, 2]), parameter("b", [3])]));

  test("is saved under PyTorch's names and loaded back, other entries left alone", async () => {
    const [from, to] = [make(), make()];
    from.firstMoments[0]?.write(Float32Array.of(5, 6));
    from.secondMoments[1]?.write(Float32Array.of(7));
    const state = await from.stateDict();
    expect([...state.keys()]).toEqual(["exp_avg.a.weight", "exp_avg.b", "exp_avg_sq.a.weight", "exp_avg_sq.b"]);
    to.loadStateDict(new Map([...state, ["a.weight", { dtype: "F32", shape: [1], data: new Float32Array(1) }]]), 9);
    expect(await to.stateDict()).toEqual(state);
    expect(to.steps).toBe(9);
  });

  test("what does not fit is refused", async () => {
    const adam = make();
    const state = await adam.stateDict();
    const one = { dtype: "F32", shape: [1], data: new Float32Array(1) } as const;
    const without = new Map([...state].slice(1));
    expect(() => adam.loadStateDict(without, 1)).toThrow(OptimizerStateError);
    expect(() => adam.loadStateDict(without, 1)).toThrow(/'exp_avg.a.weight' is missing, expected F32 \[2\]/);
    expect(() => adam.loadStateDict(new Map([...state, ["exp_avg.c", one]]), 1)).toThrow(
      /'exp_avg.c' belongs to no parameter/,
    );
    expect(() => adam.loadStateDict(new Map([...state, ["exp_avg.a.weight", one]]), 1)).toThrow(
      /is F32 \[1\], expected F32 \[2\]/,
    );
    expect(() => adam.loadStateDict(state, 1.5)).toThrow(/must be a whole number from 0, got 1.5/);
  });
});

describe("on the device", () => {
  let device: Device;
  beforeAll(async () => {
    device = await Device.open(await openGpu(), { validate: true });
  });
  afterAll(() => device.destroy());

  /** Kingma and Ba's algorithm 1 in float64, with an L2 penalty. */
  function reference(start: readonly number[], steps: number, rate: number, decay: number): number[] {
    return start.map((value) => {
      let [p, m, v] = [value, 0, 0];
      for (let t = 1; t <= steps; t++) {
        const g = 2 * p + decay * p;
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        p -= ((rate / (1 - 0.9 ** t)) * m) / (Math.sqrt(v) / Math.sqrt(1 - 0.999 ** t) + 1e-8);
      }
      return p;
    });
  }

  test("ten steps on Σp² follow the reference", async () => {
    const parameters = new Map([parameter("a", [1, -2, 3]), parameter("b", [0.5])]);
    const adam = new Adam(parameters, { learningRate: 0.1, weightDecay: 0.01 });
    const program = compile({
      inputs: { hyper: { shape: [8], dtype: "f32" } },
      build: ({ hyper }) => {
        const total = adam.parameters.map((each) => sum(multiply(each, each)));
        const grads = total.flatMap((loss, i) => gradients(loss, [adam.parameters[i] ?? constant([0], [1])]));
        return { updates: [adam.update(grads, hyper)] };
      },
    });
    const loaded = await program.load(device);
    for (let step = 0; step < 10; step++) await loaded.run({ hyper: adam.advance() });
    const values = [...parameters.values()].map((each) => each.read());
    const got = (await Promise.all(values)).flatMap((each) => [...each]);
    reference([1, -2, 3, 0.5], 10, 0.1, 0.01).forEach((expected, i) => {
      expect(Math.abs((got[i] ?? Number.NaN) - expected)).toBeLessThan(2e-5);
    });
    loaded.destroy();
  });
});
