import { describe, expect, test } from "vitest";
import { compile } from "../compiler/program.js";
import { constant } from "../graph/apply.js";
import { Variable } from "../graph/variable.js";
import { adam } from "../ops/adam.js";
import { concatChannels } from "../ops/channels.js";
import { gradients } from "../ops/gradients.js";
import { multiply, relu, scale, subtract } from "../ops/pointwise.js";
import { sum } from "../ops/sum.js";
import { testDevice } from "../testing/device.js";

const double = () =>
  compile({ inputs: { x: { shape: [4], dtype: "f32" } }, build: ({ x }) => ({ outputs: { y: scale(x, 2) } }) });

const hyperOf = (step: number, learningRate = 0.1): Float32Array =>
  Float32Array.of(learningRate, 1 - 0.9, 1 - 0.999, 1e-8, 0, 1 - 0.9 ** step, Math.sqrt(1 - 0.999 ** step), 0);

/** Fits p to the input by Adam on Σ (p − x)². */
function fitting() {
  const p = new Variable("p", [3] as const, Float32Array.of(0, 0, 0), "parameter");
  const moment = (name: string) => new Variable(name, [3] as const, new Float32Array(3), "moment");
  const [m, v] = [moment("m"), moment("v")];
  const program = compile({
    inputs: { x: { shape: [3], dtype: "f32" }, hyper: { shape: [8], dtype: "f32" } },
    build: ({ x, hyper }) => {
      const distance = subtract(p, x);
      const loss = sum(multiply(distance, distance));
      return {
        metrics: { loss },
        updates: [adam([p], gradients(loss, [p]), [m], [v], hyper)],
      };
    },
  });
  return { p, program };
}

describe("a loaded program", () => {
  test("runs again and again with other inputs", async () => {
    const loaded = await double().load(await testDevice());
    await loaded.run({ x: Float32Array.of(1, 2, 3, 4) });
    expect([...(await loaded.read("y"))]).toEqual([2, 4, 6, 8]);
    await loaded.run({ x: Float32Array.of(0, -1, 0.5, 9) });
    expect([...(await loaded.read("y"))]).toEqual([0, -2, 1, 18]);
    loaded.destroy();
  });

  test("says which input or output is wrong", async () => {
    const loaded = await double().load(await testDevice());
    await expect(loaded.run({})).rejects.toThrow("input 'x' is missing (f32 of shape [4])");
    await expect(loaded.run({ x: new Float32Array(3) })).rejects.toThrow(
      "input 'x': expected f32 of shape [4] (4 elements), got 3",
    );
    await expect(loaded.run({ x: new Uint32Array(4) })).rejects.toThrow(
      "input 'x': expected f32 of shape [4], got a Uint32Array",
    );
    await expect(loaded.run({ x: new Float32Array(4), z: new Float32Array(1) })).rejects.toThrow(
      "no input 'z'; this program takes x",
    );
    await expect(loaded.read("z")).rejects.toThrow("no output 'z'; this program has y");
    loaded.destroy();
  });

  test("a plan above the adapter's limits is refused before the first run, with what would fit", async () => {
    const device = await testDevice();
    const limit = device.gpu.limits.maxStorageBufferBindingSize;
    const batch = Math.floor(limit / 2 ** 22) + 4; // images of 4 MiB
    const program = compile({
      inputs: { x: { shape: [batch, 1, 1024, 1024], dtype: "f32" } },
      build: ({ x }) => ({ outputs: { y: relu(x) } }),
    });
    await expect(program.load(device)).rejects.toThrow(/needs [\d.]+ MiB in one binding.*a batch of \d+ would fit/);
  });

  test("the batch that is said to fit does, of all tensors and with rematerialized tensors as without", async () => {
    const device = await testDevice();
    const limit = device.gpu.limits.maxStorageBufferBindingSize;
    const least = Math.floor(limit / 2 ** 22) + 4; // images of 4 MiB; their concatenation with themselves 8 MiB
    const planOf = (batch: number, recompute: boolean) =>
      compile(
        {
          inputs: { x: { shape: [batch, 1, 1024, 1024], dtype: "f32" } },
          build: ({ x }) => ({ outputs: { y: relu(x), z: concatChannels(x, x) } }),
        },
        { recompute },
      );
    for (const recompute of [false, true]) {
      const refusal = (() => {
        try {
          device.check(planOf(least, recompute));
        } catch (error) {
          return String(error);
        }
        return "none";
      })();
      const fits = Number(/a batch of (\d+) would fit/.exec(refusal)?.[1]);
      expect(fits, refusal).toBe(Math.floor(limit / 2 ** 23));
      device.check(planOf(fits, recompute));
      expect(() => device.check(planOf(fits + 1, recompute))).toThrow(/would fit/);
    }
  });

  test("updates variables in place, keeps metrics in a ring, and does not grow", async () => {
    const device = await testDevice();
    const { p, program } = fitting();
    const loaded = await program.load(device);
    const x = Float32Array.of(1, -2, 0.5);
    await loaded.run({ x, hyper: hyperOf(1) });
    // Adam's first step is the learning rate in the direction of the gradient's sign.
    expect([...(await p.read())].map((value) => Math.round(value * 1e4) / 1e4)).toEqual([0.1, -0.1, 0.1]);
    const [buffers, bytes] = [device.liveBuffers, device.liveBytes];
    for (let step = 2; step <= 200; step++) await loaded.run({ x, hyper: hyperOf(step, step < 150 ? 0.1 : 0.01) });
    const losses = (await loaded.metrics()).map(({ loss }) => loss);
    expect(losses).toHaveLength(200);
    expect(losses[0]).toBeCloseTo(1 + 4 + 0.25, 5);
    expect(losses[199]).toBeLessThan(1e-3);
    expect([device.liveBuffers, device.liveBytes]).toEqual([buffers, bytes]);
    loaded.destroy();
  });

  test("measures scalars as numbers and rows as lists, of each run since they were read", async () => {
    const program = compile({
      inputs: { x: { shape: [1, 3], dtype: "f32" } },
      build: ({ x }) => ({ metrics: { total: sum(x), each: scale(x, 2), again: x } }),
    });
    const loaded = await program.load(await testDevice());
    expect(await loaded.metrics()).toEqual([]);
    await loaded.run({ x: Float32Array.of(1, 2, 4) });
    await loaded.run({ x: Float32Array.of(0, -1, 8) });
    const rows = await loaded.metrics();
    expect(rows).toEqual([
      { total: 7, each: [2, 4, 8], again: [1, 2, 4] },
      { total: 7, each: [0, -2, 16], again: [0, -1, 8] },
    ]);
    // What they are is known to the compiler too.
    expect(rows.map(({ total, each }) => total + each.length)).toEqual([10, 10]);
    for (let run = 0; run < 300; run++) await loaded.run({ x: Float32Array.of(run, 0, 0) });
    expect((await loaded.metrics()).map(({ again }) => again[0])).toEqual(
      Array.from({ length: 256 }, (_, i) => 44 + i),
    );
    loaded.destroy();
  });

  test("two runs from the same state give the same bytes", async () => {
    const device = await testDevice();
    const bytes: number[][] = [];
    for (let repeat = 0; repeat < 2; repeat++) {
      const { p, program } = fitting();
      const loaded = await program.load(device);
      for (let step = 1; step <= 5; step++) await loaded.run({ x: Float32Array.of(0.3, 7, -1), hyper: hyperOf(step) });
      bytes.push([...new Uint32Array((await p.read()).buffer)]);
      loaded.destroy();
    }
    expect(bytes[0]).toEqual(bytes[1]);
  });
});

describe("eager evaluation", () => {
  test("data() runs what a constant's device can reach, and says so where there is none", async () => {
    const device = await testDevice();
    expect([...(await scale(constant([1, 2], [2], "f32", device), 3).data())]).toEqual([3, 6]);
    await expect(scale(constant([1], [1]), 3).data()).rejects.toThrow("this tensor was made without a device");
  });

  test("graphs of one structure share a program", async () => {
    const device = await testDevice();
    await device.evaluate({ y: relu(constant([1, -1], [2])) });
    const pipelines = device.pipelines.size;
    const { y } = await device.evaluate({ y: relu(constant([-3, 5], [2])) });
    expect([...y]).toEqual([0, 5]);
    expect(device.pipelines.size).toBe(pipelines);
  });
});

describe("variables", () => {
  test("are read and written on the host and on the device alike", async () => {
    const device = await testDevice();
    const v = new Variable("v", [2], Float32Array.of(1, 2), "parameter");
    v.write(Float32Array.of(3, 4));
    expect([...(await device.evaluate({ y: scale(v, 2) })).y]).toEqual([6, 8]);
    v.write(Float32Array.of(5, 6));
    expect([...(await device.evaluate({ y: scale(v, 2) })).y]).toEqual([10, 12]);
    expect([...(await v.read())]).toEqual([5, 6]);
    expect(() => v.write(new Float32Array(3))).toThrow("variable v: 3 numbers do not fill shape [2]");
  });
});
