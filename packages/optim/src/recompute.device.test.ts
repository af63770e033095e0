import { diceCrossEntropy, UNet, type UNetOptions } from "@lobule/nn";
import { openGpu } from "@lobule/node";
import { type CompileOptions, compile, Device, gradients, type HostData } from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Adam } from "./adam.js";
import { LossScaler } from "./loss-scaler.js";

let device: Device;
beforeAll(async () => {
  device = await Device.open(await openGpu(), { validate: true });
});
afterAll(() => device.destroy());

const [batch, size] = [2, 32];
const pixels = batch * size * size;
const image = Float32Array.from({ length: pixels }, (_, i) => Math.fround(Math.sin(i * 0.37) + Math.cos(i * 0.011)));
const target = Uint32Array.from({ length: pixels }, (_, i) => (i % size > size / 2 ? 1 : 0) + (i % 97 === 0 ? 1 : 0));

type Spec = Partial<UNetOptions<1, 3>>;

/** Losses, parameters, running statistics and moments after three steps of Adam; and the plan of a step. */
async function train(spec: Spec, options: CompileOptions) {
  const model = new UNet({ inChannels: 1, classes: 3, baseFeatures: 4, depth: 3, seed: 1, ...spec });
  const adam = new Adam(model.namedParameters(), { learningRate: 1e-3 });
  const scaler = options.precision === "f16" ? new LossScaler() : undefined;
  const program = compile(
    {
      inputs: {
        x: { shape: [batch, 1, size, size], dtype: "f32" },
        y: { shape: [batch, size, size], dtype: "u32" },
        hyper: { shape: [8], dtype: "f32" },
        dropoutSeed: { shape: [4], dtype: "u32" },
      },
      build: ({ x, y, hyper, dropoutSeed }) => {
        const logits = model.train().forward(x, { dropoutSeed });
        const { loss } = diceCrossEntropy(logits, y);
        const grads = gradients(loss, adam.parameters, scaler?.scale);
        return { outputs: { logits }, metrics: { loss }, updates: [adam.update(grads, hyper, { scaler })] };
      },
    },
    options,
  );
  const loaded = await program.load(device);
  for (let step = 0; step < 3; step++) {
    await loaded.run({ x: image, y: target, hyper: adam.advance(), dropoutSeed: Uint32Array.of(7, step, 0, 0) });
  }
  const losses = (await loaded.metrics()).map(({ loss }) => loss);
  const state = new Map<string, HostData>([["logits", await loaded.read("logits")]]);
  loaded.destroy();
  for (const [name, variable] of model.namedVariables()) state.set(name, await variable.read());
  for (const [name, { data }] of await adam.stateDict()) state.set(name, data);
  return { program, losses, state };
}

interface Variant extends Spec {
  /** Those of the device where they are not named. */
  readonly kernels?: CompileOptions["kernels"];
}

const variants: Readonly<Record<string, Variant>> = {
  "the reference": {},
  // Sums as GPUs form them, where also what costs nothing is computed again without being asked for. Convolutions for GPUs
  // take a CPU long to compile, and which they are changes nothing here.
  "the reference, with sums for GPUs": { kernels: { reduction: "parallel", fastest: () => "plain" } },
  "no gates but skips added, dropout, plain blocks": {
    skip: "add",
    block: "plain",
    dropout: 0.3,
    upsampling: "bilinear",
    activation: "leaky-relu",
  },
  "gates of single layers, squeeze-and-excite, group normalization, attention": {
    skip: "attention-gate-norm",
    block: "residual-squeeze-excite",
    norm: "group",
    groups: 2,
    bridgeAttentionHeads: 1,
  },
};

describe("a step that makes tensors again instead of keeping them", () => {
  for (const [name, { kernels, ...spec }] of Object.entries(variants)) {
    test(`${name}: the same bits with less memory`, async () => {
      const options = { kernels: kernels ?? device.kernels };
      const kept = await train(spec, options);
      const again = await train(spec, { ...options, recompute: true });
      expect(again.losses).toEqual(kept.losses);
      for (const [key, data] of kept.state) expect(again.state.get(key), key).toEqual(data);
      expect(again.state.size).toBe(kept.state.size);
      expect(again.program.peakBytes).toBeLessThan(kept.program.peakBytes);
      expect(again.program.dispatches).toBeGreaterThan(kept.program.dispatches);
    });
  }

  test("in f16 what is inlined is not rounded in between: the same losses to 1e-3", async (context) => {
    if (!device.hasF16) return context.skip("adapter lacks shader-f16");
    const options = { kernels: device.kernels, precision: "f16" } as const;
    const kept = await train({}, options);
    const again = await train({}, { ...options, recompute: true });
    kept.losses.forEach((loss, step) => {
      expect(Math.abs((again.losses[step] as number) - loss)).toBeLessThan(1e-3);
    });
    expect(again.program.peakBytes).toBeLessThan(kept.program.peakBytes);
  });
});
