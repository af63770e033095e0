import { openGpu } from "@lobule/node";
import { adam, type CompileOptions, compile, Device, gradients, Variable } from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { diceCrossEntropy } from "../losses/dice-cross-entropy.js";
import { AttentionResUNet } from "./attention-res-unet.js";

/** Forward, backward and Adam of AttentionResUNet. */
function trainingStep(baseFeatures: number, batch: number, size: number, options: CompileOptions) {
  const model = new AttentionResUNet({ inChannels: 1, classes: 3, baseFeatures, seed: 1 });
  const parameters = model.parameters() as Variable[];
  const moments = (prefix: string) =>
    parameters.map(
      ({ name, shape, initial }) => new Variable(prefix + name, shape, new Float32Array(initial.length), "moment"),
    );
  const [first, second] = [moments("first."), moments("second.")];
  const program = compile(
    {
      inputs: {
        image: { shape: [batch, 1, size, size], dtype: "f32" },
        target: { shape: [batch, size, size], dtype: "u32" },
        hyper: { shape: [8], dtype: "f32" },
      },
      build: ({ image, target, hyper }) => {
        const { loss } = diceCrossEntropy(model.forward(image), target);
        const update = adam(parameters, gradients(loss, parameters), first, second, hyper);
        return { metrics: { loss }, updates: [update] };
      },
    },
    options,
  );
  const pixels = batch * size * size;
  const image = Float32Array.from({ length: pixels }, (_, i) => Math.fround(Math.sin(i * 0.37) + Math.cos(i * 0.011)));
  const target = Uint32Array.from({ length: pixels }, (_, i) => (i % size > size / 2 ? 1 : 0) + (i % 97 === 0 ? 1 : 0));
  const inputs = (step: number) => ({
    image,
    target,
    hyper: Float32Array.of(1e-3, 1 - 0.9, 1 - 0.999, 1e-8, 0, 1 - 0.9 ** step, Math.sqrt(1 - 0.999 ** step), 0),
  });
  return { model, parameters, program, inputs };
}

describe("a training step of AttentionResUNet", () => {
  let device: Device;
  beforeAll(async () => {
    device = await Device.open(await openGpu(), { validate: true });
  });
  afterAll(() => device.destroy());

  test("F=8, batch 4, 128×128 takes at most 180 dispatches and little more memory than is live at its peak", () => {
    const { program } = trainingStep(8, 4, 128, {});
    expect(program.dispatches).toBeLessThanOrEqual(180);
    expect(program.temporaryBytes).toBeLessThan(1.2 * program.liveMinimum);
    // Whatever the variant, the gradient of a ReLU is fused into the convolution that makes it.
    expect(program.describe()).toMatch(/conv3x3-\w+ → relu-grad/);
  });

  test.each([1, 3, 8])("F=%d binds no more storage buffers than every adapter has", (baseFeatures) => {
    for (const kernels of ["parallel", "subgroup"] as const) {
      for (const { label, operands } of trainingStep(baseFeatures, 1, 64, { kernels }).program.calls) {
        expect(operands.filter(({ access }) => access !== "uniform").length, label).toBeLessThanOrEqual(8);
      }
    }
  });

  test("F=1, where a kernel takes nothing fused for want of storage buffers, learns as without fusion", async () => {
    const losses: number[][] = [];
    for (const fusion of [true, false]) {
      const { program, inputs } = trainingStep(1, 1, 32, { kernels: device.kernels, fusion });
      const loaded = await program.load(device);
      for (let step = 1; step <= 4; step++) await loaded.run(inputs(step));
      losses.push((await loaded.metrics()).map(({ loss }) => loss));
      loaded.destroy();
    }
    const [fused = [], alone = []] = losses;
    expect(fused).toHaveLength(4);
    for (const [i, loss] of fused.entries()) expect(loss).toBeCloseTo(alone[i] ?? Number.NaN, 4);
  });

  test("learns, and neither buffers nor memory grow over 200 steps", async () => {
    const { program, inputs } = trainingStep(2, 2, 16, { kernels: device.kernels });
    const loaded = await program.load(device);
    for (let step = 1; step <= 20; step++) await loaded.run(inputs(step));
    const losses = await loaded.metrics();
    const [buffers, bytes, rss] = [device.liveBuffers, device.liveBytes, process.memoryUsage().rss];
    for (let step = 21; step <= 200; step++) await loaded.run(inputs(step));
    losses.push(...(await loaded.metrics()));
    expect(losses).toHaveLength(200);
    expect(losses.at(-1)?.loss).toBeLessThan(0.7 * (losses[0]?.loss ?? 0));
    expect([device.liveBuffers, device.liveBytes]).toEqual([buffers, bytes]);
    expect(process.memoryUsage().rss - rss).toBeLessThan(64 * 2 ** 20);
    loaded.destroy();
  });

  test("two runs give the same bytes, fused and unfused steps the same loss", async () => {
    const losses: number[][] = [];
    const weights: Float32Array[] = [];
    for (const fusion of [true, true, false]) {
      const { program, parameters, inputs } = trainingStep(2, 2, 16, { kernels: device.kernels, fusion });
      const loaded = await program.load(device);
      for (let step = 1; step <= 3; step++) await loaded.run(inputs(step));
      losses.push((await loaded.metrics()).map(({ loss }) => loss));
      weights.push(await (parameters[0] as Variable).read());
      loaded.destroy();
    }
    expect(losses[1]).toEqual(losses[0]);
    expect([...(weights[1] as Float32Array)]).toEqual([...(weights[0] as Float32Array)]);
    // To rounding before Adam's first update; after it a ReLU input within rounding of zero may fall on either side, and
    // Adam's normalized step spreads that.
    losses[2]?.forEach((loss, i) => {
      expect(Math.abs(loss / (losses[0]?.[i] as number) - 1)).toBeLessThan(i === 0 ? 1e-6 : 1e-4);
    });
  });
});
