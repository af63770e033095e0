import { openGpu } from "@lobule/node";
import {
  compile,
  conv1x1,
  Device,
  gradients,
  multiply,
  readSafetensors,
  scale,
  sum,
  Variable,
  writeSafetensors,
} from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Adam } from "./adam.js";
import { LossScaler } from "./loss-scaler.js";
import { OptimizerStateError } from "./optimizer-state.js";

let device: Device;
beforeAll(async () => {
  device = await Device.open(await openGpu(), { validate: true });
});
afterAll(() => device.destroy());

const start = [1, -2, 3];

/** Adam under a scaler on Σ p·x, whose gradient is x. */
function problem(options: { initialScale: number; growthInterval: number }) {
  const p = new Variable("p", [3], Float32Array.from(start), "parameter");
  const adam = new Adam(new Map([["p", p]]), { learningRate: 0.1 });
  const scaler = new LossScaler(options);
  const program = compile({
    inputs: { x: { shape: [3], dtype: "f32" }, hyper: { shape: [8], dtype: "f32" } },
    build: ({ x, hyper }) => {
      const loss = sum(multiply(p, x));
      const grads = gradients(loss, adam.parameters, scaler.scale);
      return { metrics: { scale: scaler.scale }, updates: [adam.update(grads, hyper, { scaler })] };
    },
  });
  return { p, adam, scaler, program };
}

const { POSITIVE_INFINITY: infinity, NaN: nan } = Number;
const batches = [
  [infinity, 1, 1],
  [1, 2, -3],
  [0.5, -1, 2],
  [1, 1, nan],
  [2, 0, 1],
  [1, 1, 1],
  [-1, 3, 0.25],
  [1, -infinity, 1],
  [3, 3, 3],
];
const isGood = (batch: readonly number[]): boolean => batch.every(Number.isFinite);

describe("loss scaling on the device", () => {
  test("skips steps with overflow to the byte, halves and doubles, and corrects Adam's bias by the steps taken", async () => {
    const { p, adam, scaler, program } = problem({ initialScale: 64, growthInterval: 3 });
    const loaded = await program.load(device);
    let [expected, first, second] = [Float64Array.from(start), new Float64Array(3), new Float64Array(3)];
    let taken = 0;
    const scales: number[] = [];
    for (const batch of batches) {
      const before = [await p.read(), await adam.firstMoments[0]?.read(), await adam.secondMoments[0]?.read()];
      await loaded.run({ x: Float32Array.from(batch), hyper: adam.advance() });
      if (!isGood(batch)) {
        expect([await p.read(), await adam.firstMoments[0]?.read(), await adam.secondMoments[0]?.read()]).toEqual(
          before,
        );
      } else {
        // Kingma and Ba's algorithm 1 in float64.
        taken++;
        first = first.map((m, i) => 0.9 * m + 0.1 * (batch[i] as number));
        second = second.map((v, i) => 0.999 * v + 0.001 * (batch[i] as number) ** 2);
        expected = expected.map((value, i) => {
          const root = Math.sqrt((second[i] as number) / (1 - 0.999 ** taken)) + 1e-8;
          return value - (0.1 * (first[i] as number)) / (1 - 0.9 ** taken) / root;
        });
        (await p.read()).forEach((value, i) => {
          expect(Math.abs(value - (expected[i] as number))).toBeLessThan(1e-5);
        });
      }
      scales.push((await scaler.scale.read())[0] as number);
    }
    expect(scales).toEqual([32, 32, 32, 16, 16, 16, 32, 16, 16]);
    expect(await scaler.takenSteps.read()).toEqual(Float32Array.of(6));
    // The scale that each loss had.
    expect((await loaded.metrics()).map((each) => each.scale)).toEqual([64, ...scales.slice(0, -1)]);
    loaded.destroy();
  });

  test("a run that is saved and resumed gives the bytes of one that went through", async () => {
    const run = async (cut: number | undefined) => {
      let current = problem({ initialScale: 8, growthInterval: 2 });
      let loaded = await current.program.load(device);
      for (const [i, batch] of batches.entries()) {
        if (i === cut) {
          const { p, adam, scaler } = current;
          const values = await p.read();
          const saved = writeSafetensors(new Map([...(await adam.stateDict()), ...(await scaler.stateDict())]));
          const tensors = readSafetensors(saved);
          loaded.destroy();
          current = problem({ initialScale: 1, growthInterval: 2 });
          current.p.write(values);
          current.adam.loadStateDict(tensors, adam.steps);
          current.scaler.loadStateDict(tensors);
          loaded = await current.program.load(device);
        }
        await loaded.run({ x: Float32Array.from(batch), hyper: current.adam.advance() });
      }
      const { p, adam, scaler } = current;
      loaded.destroy();
      return { p: await p.read(), adam: await adam.stateDict(), scaler: await scaler.stateDict() };
    };
    const through = await run(undefined);
    for (const cut of [1, 4, 8]) expect(await run(cut)).toEqual(through);
    expect([...through.scaler.keys()]).toEqual([
      "loss_scaler.scale",
      "loss_scaler.good_steps",
      "loss_scaler.taken_steps",
    ]);
  });

  test("gradients that would vanish in f16 arrive", async (context) => {
    if (!device.hasF16) return context.skip("adapter lacks shader-f16");
    const gradientWith = async (scaler: LossScaler | undefined): Promise<Float32Array> => {
      const [w, v] = ["w", "v"].map((name) => {
        return new Variable(name, [2, 2, 1, 1] as const, Float32Array.of(1, 0.5, -0.25, 2), "parameter");
      }) as [Variable<readonly [2, 2, 1, 1]>, Variable<readonly [2, 2, 1, 1]>];
      const adam = new Adam(new Map([["w", w]]));
      const program = compile(
        {
          inputs: { x: { shape: [1, 2, 3, 3], dtype: "f32" }, hyper: { shape: [8], dtype: "f32" } },
          build: ({ x, hyper }) => {
            const y = conv1x1(conv1x1(x, w), v);
            const loss = scale(sum(multiply(y, y)), 2 ** -30);
            const grads = gradients(loss, [w], scaler?.scale);
            return { updates: [adam.update(grads, hyper, scaler ? { scaler } : {})] };
          },
        },
        { precision: "f16", kernels: "plain" },
      );
      const loaded = await program.load(device);
      await loaded.run({ x: Float32Array.from({ length: 18 }, (_, i) => Math.sin(i)), hyper: adam.advance() });
      loaded.destroy();
      return (await adam.firstMoments[0]?.read()) ?? new Float32Array();
    };
    expect([...(await gradientWith(undefined))]).toEqual([0, 0, 0, 0]);
    const scaled = await gradientWith(new LossScaler());
    expect(Math.min(...scaled.map(Math.abs))).toBeGreaterThan(0);
    expect(Math.max(...scaled.map(Math.abs))).toBeLessThan(2 ** -25);
  });
});

test("what does not fit is refused", async () => {
  expect(() => new LossScaler({ growthFactor: 1 })).toThrow("LossScaler: growthFactor must be above 1, got 1");
  expect(() => new LossScaler({ backoffFactor: 1 })).toThrow("must be between 0 and 1, got 1");
  expect(() => new LossScaler({ initialScale: 2 ** 128 })).toThrow(RangeError);
  expect(() => new LossScaler({ growthInterval: 0 })).toThrow("must be a whole number of at least 1, got 0");
  expect(() => new LossScaler({ takenSteps: -1 })).toThrow("must be a whole number of at least 0, got -1");
  const scaler = new LossScaler({ takenSteps: 7 });
  const state = await scaler.stateDict();
  expect([...(state.get("loss_scaler.taken_steps")?.data ?? [])]).toEqual([7]);
  state.delete("loss_scaler.good_steps");
  expect(() => scaler.loadStateDict(state)).toThrow(OptimizerStateError);
  expect(() => scaler.loadStateDict(state)).toThrow(
    "LossScaler: 'loss_scaler.good_steps' is missing, expected F32 of one element; take a state that was saved from a run with loss scaling",
  );
});
