import { AttentionResUNet, diceCrossEntropy } from "@lobule/nn";
import { openGpu } from "@lobule/node";
import { type CompileOptions, compile, constant, Device, divide, gradients, type HostData } from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Adam } from "./adam.js";
import { LossScaler, type LossScalerOptions } from "./loss-scaler.js";

let device: Device;
beforeAll(async () => {
  device = await Device.open(await openGpu(), { validate: true });
});
afterAll(() => device.destroy());

const [batch, size] = [2, 32];
const pixels = batch * size * size;
const image = Float32Array.from({ length: pixels }, (_, i) => Math.fround(Math.sin(i * 0.37) + Math.cos(i * 0.011)));
const target = Uint32Array.from({ length: pixels }, (_, i) => (i % size > size / 2 ? 1 : 0) + (i % 97 === 0 ? 1 : 0));

const relative = (got: ArrayLike<number>, reference: ArrayLike<number>): number => {
  let distance = 0;
  let norm = 0;
  for (let i = 0; i < reference.length; i++) {
    distance += ((got[i] as number) - (reference[i] as number)) ** 2;
    norm += (reference[i] as number) ** 2;
  }
  return Math.sqrt(distance / (norm || 1));
};

/** The number with the eleven leading bits that f16 keeps. Source: Veltkamp's splitting. */
const rounded = (value: number): number => value * (2 ** 42 + 1) - (value * (2 ** 42 + 1) - value);

/**
 * Logits, loss and all parameter gradients, end to end, of a network of fixed start values. The kernels are those that suit
 * the device, as in training: lavapipe compiles the barriers of the others for minutes where they store f16.
 */
async function passes(baseFeatures: number, options: CompileOptions, start = (value: number) => value) {
  const model = new AttentionResUNet({ inChannels: 1, classes: 3, baseFeatures, seed: 1 });
  for (const parameter of model.parameters()) parameter.write(parameter.initial.map(start));
  const program = compile(
    {
      inputs: { x: { shape: [batch, 1, size, size], dtype: "f32" }, y: { shape: [batch, size, size], dtype: "u32" } },
      build: ({ x, y }) => {
        const logits = model.forward(x);
        const { loss } = diceCrossEntropy(logits, y);
        const seed = constant([1024], [1]);
        const all = gradients(loss, model.parameters(), seed).map(
          (each, i) => [String(i), divide(each, seed)] as const,
        );
        return { outputs: { logits, loss, ...Object.fromEntries(all) } };
      },
    },
    { kernels: device.kernels, ...options },
  );
  const loaded = await program.load(device);
  await loaded.run({ x: image, y: target });
  const all: number[] = [];
  for (const i of model.parameters().keys()) all.push(...(await loaded.read(String(i))));
  const [logits, loss] = [await loaded.read("logits"), await loaded.read("loss")];
  loaded.destroy();
  return { logits, loss: loss[0] as number, gradients: all };
}

/** A training step with its state. */
function training(
  baseFeatures: number,
  options: CompileOptions,
  scaling?: LossScalerOptions,
  [n, side] = [batch, size],
) {
  const model = new AttentionResUNet({ inChannels: 1, classes: 3, baseFeatures, seed: 1 });
  const adam = new Adam(model.namedParameters(), { learningRate: 1e-3 });
  const scaler = scaling && new LossScaler(scaling);
  const program = compile(
    {
      inputs: {
        x: { shape: [n, 1, side, side], dtype: "f32" },
        y: { shape: [n, side, side], dtype: "u32" },
        hyper: { shape: [8], dtype: "f32" },
      },
      build: ({ x, y, hyper }) => {
        const { loss } = diceCrossEntropy(model.forward(x), y);
        const grads = gradients(loss, adam.parameters, scaler?.scale);
        return { metrics: { loss }, updates: [adam.update(grads, hyper, scaler ? { scaler } : {})] };
      },
    },
    { kernels: device.kernels, ...options },
  );
  return { model, adam, scaler, program };
}

async function train(steps: number, { model, adam, scaler, program }: ReturnType<typeof training>) {
  const loaded = await program.load(device);
  for (let step = 0; step < steps; step++) await loaded.run({ x: image, y: target, hyper: adam.advance() });
  const losses = (await loaded.metrics()).map(({ loss }) => loss);
  loaded.destroy();
  const state = new Map<string, HostData>();
  for (const [name, variable] of model.namedVariables()) state.set(name, await variable.read());
  for (const [name, { data }] of [...(await adam.stateDict()), ...((await scaler?.stateDict()) ?? [])])
    state.set(name, data);
  return { losses, state };
}

describe.each([2, 4])("AttentionResUNet with %i base features in f16", (baseFeatures) => {
  test("logits and gradients are as near to f32's as rounding allows", async (context) => {
    if (!device.hasF16) return context.skip("adapter lacks shader-f16");
    const reference = await passes(baseFeatures, {});
    // ReLU and max-pool make the gradient jump: how far shows when f32 is given parameters rounded as f16 would have them.
    const jump = relative((await passes(baseFeatures, {}, rounded)).gradients, reference.gradients);
    for (const fusion of baseFeatures === 4 ? [true, false] : [true]) {
      const half = await passes(baseFeatures, { precision: "f16", fusion });
      // Some thirty stored results lie between image and logits, each off by at most 2⁻¹¹.
      expect(relative(half.logits, reference.logits)).toBeLessThan(30 * 2 ** -11);
      expect(Math.abs(half.loss - reference.loss)).toBeLessThan(1e-3);
      const error = relative(half.gradients, reference.gradients);
      expect(error).toBeLessThan(0.2);
      expect(error).toBeLessThan(2 * jump);
    }
  });

  test("thirty steps follow f32's losses, and two runs give the same bytes", async (context) => {
    if (!device.hasF16) return context.skip("adapter lacks shader-f16");
    const full = await train(30, training(baseFeatures, {}));
    const half = await train(30, training(baseFeatures, { precision: "f16" }, {}));
    const distances = half.losses.map((loss, i) => Math.abs(loss - (full.losses[i] as number)));
    expect(Math.max(...distances)).toBeLessThan(0.01);
    expect(half.losses.at(-1)).toBeLessThan((half.losses[0] as number) - 0.2);
    expect([...(half.state.get("loss_scaler.taken_steps") ?? [])]).toEqual([30]);
    if (baseFeatures === 2) expect(await train(30, training(2, { precision: "f16" }, {}))).toEqual(half);
  });
});

test("overflow: the step is skipped to the byte, the scale halved until gradients fit, then it learns", async (context) => {
  if (!device.hasF16) return context.skip("adapter lacks shader-f16");
  const options = { precision: "f16" } as const;
  const untouched = training(2, options, {});
  const start = new Map<string, HostData>();
  for (const [name, variable] of untouched.model.namedVariables()) start.set(name, await variable.read());
  const one = await train(1, training(2, options, { initialScale: 2 ** 40 }));
  for (const [name] of untouched.model.namedParameters()) {
    expect(one.state.get(name), name).toEqual(start.get(name));
    expect(one.state.get(`exp_avg.${name}`)?.every((value) => value === 0)).toBe(true);
  }
  expect([...(one.state.get("loss_scaler.scale") ?? [])]).toEqual([2 ** 39]);
  // As in PyTorch, the forward pass has updated these.
  expect(one.state.get("encoder.0.bn1.running_mean")).not.toEqual(start.get("encoder.0.bn1.running_mean"));

  const { losses, state } = await train(40, training(2, options, { initialScale: 2 ** 40 }));
  const taken = state.get("loss_scaler.taken_steps")?.[0] as number;
  expect(taken).toBeGreaterThan(10);
  expect(taken).toBeLessThan(40);
  expect(state.get("loss_scaler.scale")?.[0]).toBe(2 ** (40 - (40 - taken)));
  expect(losses.every(Number.isFinite)).toBe(true);
  expect(new Set(losses.slice(0, 40 - taken)).size).toBe(1);
  expect(losses.at(-1)).toBeLessThan((losses[0] as number) - 0.1);
});

test("a step of F=8, batch 4, 128×128 takes half the temporary memory, and two dispatches more with a loss scaler", () => {
  const [full, half, scaled] = [
    training(8, { kernels: "parallel" }, undefined, [4, 128]).program,
    training(8, { kernels: "parallel", precision: "f16" }, undefined, [4, 128]).program,
    training(8, { kernels: "parallel", precision: "f16" }, {}, [4, 128]).program,
  ];
  // Partial sums of weight gradients lie there too, and stay f32.
  expect(half.temporaryBytes / full.temporaryBytes).toBeLessThan(0.53);
  expect(half.bytesPerRun / full.bytesPerRun).toBeLessThan(0.6);
  expect(half.dispatches).toBe(full.dispatches);
  expect(scaled.dispatches).toBe(full.dispatches + 2);
});
