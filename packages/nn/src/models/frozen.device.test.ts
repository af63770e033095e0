import { openGpu } from "@lobule/node";
import { type CompileOptions, compile, Device, type HostData, type Program } from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UNet } from "./unet.js";
import { referenceSpec, specProblem, type UNetSpec, unetPresets } from "./unet-spec.js";

/** Storage buffers that WebGPU lets a kernel bind at least. */
const mostBuffers = 8;

const sizes = { baseFeatures: 4, depth: 2 };

const specs: readonly Partial<UNetSpec>[] = (
  ["plain", "residual", "residual-squeeze-excite", "residual-separable"] as const
).flatMap((block) =>
  (["concat", "add", "attention-gate", "attention-gate-norm"] as const).flatMap((skip) =>
    (["upsampled", "coarse"] as const).flatMap((gatingSignal) =>
      (["transposed", "bilinear"] as const).map((upsampling) => ({ block, skip, gatingSignal, upsampling })),
    ),
  ),
);

/** A network whose running statistics are not those of the start, ready to predict. */
function network(spec: Partial<UNetSpec>): UNet {
  const unet = new UNet({ ...spec, ...sizes, seed: 1 }).eval();
  for (const [name, variable] of unet.namedVariables()) {
    const shift = name.endsWith("running_var") ? 1.3 : 0.1;
    if (variable.role === "statistic") variable.write(variable.initial.map((_, i) => shift + 0.3 * Math.sin(i)));
  }
  return unet;
}

const programOf = (unet: UNet, options: CompileOptions): Program =>
  compile(
    {
      inputs: { x: { shape: [1, 1, 8, 12], dtype: "f32" } },
      build: ({ x }) => ({ outputs: { logits: unet.forward(x) } }),
    },
    options,
  );

const buffersOf = ({ calls, prologue }: Program): number =>
  Math.max(
    ...[...prologue, ...calls].map(({ operands }) => operands.filter(({ access }) => access !== "uniform").length),
  );

describe("a network that only predicts", () => {
  const possible = specs.filter((spec) => specProblem(sizes, { ...referenceSpec, ...spec }) === undefined);
  test.each(["parallel", "subgroup", "serial"] as const)(
    "%s kernels of any parts bind few enough buffers",
    (kernels) => {
      expect(possible.length).toBeGreaterThan(30);
      for (const spec of possible) {
        const unet = network(spec);
        expect(buffersOf(programOf(unet, { kernels })), JSON.stringify(spec)).toBeLessThanOrEqual(mostBuffers);
        const frozen = programOf(unet, { kernels, frozen: true });
        expect(buffersOf(frozen), JSON.stringify(spec)).toBeLessThanOrEqual(mostBuffers);
      }
    },
  );

  test("the reference network: no norm is left to a run, and each block's last two convolutions are one kernel", () => {
    const { calls } = programOf(network({}), { frozen: true });
    const names = calls.map(({ kernel }) => kernel.name);
    expect(names.filter((name) => /batch-norm|gather/.test(name))).toEqual([]);
    expect(names.filter((name) => name.startsWith("conv3x3"))).toHaveLength(10);
    expect(names.filter((name) => name.startsWith("conv1x1"))).toHaveLength(1);
  });
});

describe("on a device", () => {
  let device: Device;
  beforeAll(async () => {
    device = await Device.open(await openGpu(), { validate: true });
  });
  afterAll(() => device.destroy());

  const x = Float32Array.from({ length: 96 }, (_, i) => Math.fround(Math.sin(0.7 * i)));
  async function logits(program: Program): Promise<HostData> {
    const loaded = await program.load(device);
    await loaded.run({ x });
    const values = await loaded.read("logits");
    loaded.destroy();
    return values;
  }

  const tried: Readonly<Record<string, Partial<UNetSpec>>> = {
    ...unetPresets,
    // At this depth one level can have logits of its own.
    "attention-res-unet-plus": { ...unetPresets["attention-res-unet-plus"], deepSupervision: 1 },
    "gates with norms, skips of other kinds": {
      skip: "attention-gate-norm",
      gatingSignal: "coarse",
      upsampling: "bilinear",
    },
    "instance norms": { norm: "instance" },
  };
  test.each(Object.entries(tried))("%s: the same logits", async (_, spec) => {
    const unet = network(spec);
    const expected = await logits(programOf(unet, { kernels: device.kernels }));
    const found = await logits(programOf(unet, { kernels: device.kernels, frozen: true }));
    const largest = Math.max(...expected.map(Math.abs));
    expected.forEach((value, i) => {
      expect(Math.abs((found[i] as number) - value)).toBeLessThanOrEqual(1e-5 * largest);
    });
  });
});
