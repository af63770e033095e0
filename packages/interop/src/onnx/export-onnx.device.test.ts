import { type NnUNetSpec, unetPresets } from "@lobule/nn";
import { openGpu } from "@lobule/node";
import { compile, Device } from "@lobule/tensor";
import { buildNetwork, channelsOf, type SavedModel, SlicePredictor } from "@lobule/train";
import * as native from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportOnnx, type OnnxOutput } from "./export-onnx.js";
import { exampleModel } from "./testing/example-model.js";

let device: Device;
beforeAll(async () => {
  web.env.wasm.numThreads = 1;
  device = await Device.open(await openGpu(), { validate: true });
});
afterAll(() => device.destroy());

/** HU of slices one after another, some beyond every window. */
const slicesOf = (count: number, width: number, height: number): Float32Array =>
  Float32Array.from({ length: count * width * height }, (_, i) => Math.round(600 * Math.sin(0.7 * i + i * i)));

/** What a runtime makes of the exported model. */
async function run(
  { InferenceSession, Tensor }: typeof native | typeof web,
  model: Uint8Array,
  slices: Float32Array,
  shape: readonly number[],
  output: OnnxOutput,
) {
  const session = await InferenceSession.create(model);
  const found = await session.run({ slices: new Tensor("float32", slices, [...shape]) });
  await session.release();
  const { dims, data } = found[output] as native.Tensor;
  return { dims, data: data as Float32Array | Uint8Array };
}

/** Logits of windowed slices that are laid in the middle of an image of 12×16, cut out again. */
async function ownLogits({ description, weights }: SavedModel, slices: Float32Array, width: number, height: number) {
  const network = buildNetwork(description, 0).eval();
  network.loadStateDict(weights);
  const [
    {
      window: [low, high],
    },
  ] = channelsOf(description);
  const [top, left] = [Math.ceil((12 - height) / 2), Math.ceil((16 - width) / 2)];
  const image = new Float32Array(12 * 16);
  slices.forEach((value, i) => {
    const at = (top + Math.floor(i / width)) * 16 + left + (i % width);
    image[at] = (Math.min(Math.max(value, low), high) - low) / (high - low);
  });
  const definition = {
    inputs: { x: { shape: [1, 1, 12, 16], dtype: "f32" } },
    build: ({ x }: { x: Parameters<typeof network.forward>[0] }) => ({ outputs: { logits: network.forward(x) } }),
  } as const;
  const program = await compile(definition, { kernels: device.kernels, frozen: true }).load(device);
  await program.run({ x: image });
  const logits = await program.read("logits");
  program.destroy();
  return Array.from({ length: 3 * width * height }, (_, i) => {
    const [c, y, x] = [Math.floor(i / (width * height)), Math.floor(i / width) % height, i % width];
    return logits[(c * 12 + top + y) * 16 + left + x] as number;
  });
}

const networks = {
  ...unetPresets,
  // At this depth one level can have logits of its own.
  "attention-res-unet-plus": { ...unetPresets["attention-res-unet-plus"], deepSupervision: 1 },
  "gates with norms, a coarse signal, bilinear upsampling, hardswish": {
    skip: "attention-gate-norm",
    gatingSignal: "coarse",
    upsampling: "bilinear",
    activation: "hardswish",
  },
  "instance norms, leaky ReLU, added skips": { norm: "instance", activation: "leaky-relu", skip: "add" },
  "separable blocks, group norms, SiLU": { block: "residual-separable", norm: "group", groups: 2, activation: "silu" },
} as const;

const stages: NnUNetSpec["stages"] = [
  { features: 4, kernel: [1, 3], stride: [1, 1], blocks: 1, decoderConvolutions: 1 },
  { features: 4, kernel: [3, 3], stride: [1, 2], blocks: 2, decoderConvolutions: 1 },
  { features: 6, kernel: [3, 3], stride: [2, 2], blocks: 1, decoderConvolutions: 1 },
];
/** By its description; what `network` says is of no account then. */
const nnunet = (encoder: NnUNetSpec["encoder"]) =>
  exampleModel(
    {},
    {
      architecture: "NnUNet",
      nnunet: {
        encoder,
        stages,
        convolutionBias: true,
        norm: "instance",
        activation: "relu",
        deepSupervision: 1,
      },
    },
  );
const models: Readonly<Record<string, () => ReturnType<typeof exampleModel>>> = {
  ...Object.fromEntries(Object.entries(networks).map(([name, spec]) => [name, () => exampleModel(spec)])),
  "nnU-Net's PlainConvUNet": () => nnunet("plain"),
  "nnU-Net's ResidualEncoderUNet": () => nnunet("residual"),
};

describe("logits of a slice of odd extents are ours within 1e-4 in both runtimes", () => {
  test.each(Object.entries(models))("%s", async (_, make) => {
    const saved = await make();
    const [width, height] = [13, 9];
    const slices = slicesOf(1, width, height);
    const expected = await ownLogits(saved, slices, width, height);
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.01);
    const { model } = await exportOnnx(saved, { output: "logits" });
    for (const runtime of [native, web]) {
      const { dims, data } = await run(runtime, model, slices, [1, 1, height, width], "logits");
      expect(dims).toEqual([1, 3, height, width]);
      expect(Math.max(...expected.map((value, i) => Math.abs(value - (data[i] as number))))).toBeLessThan(1e-4);
    }
  });
});

const normalization = { kind: "foreground", mean: 90, deviation: 45 } as const;

const phases: NonNullable<SavedModel["description"]["channels"]> = [
  { name: "CT", window: [-100, 200], normalization },
  { name: "late", window: [-160, 240] },
];

describe("labels are those of prediction, several slices at once", () => {
  test.each([
    { how: "padded", size: null, inputSlices: 1, width: 13, height: 9 },
    { how: "with neighbors, stretched", size: 16, inputSlices: 3, width: 13, height: 9 },
    { how: "shrunk", size: 16, inputSlices: 1, width: 37, height: 21 },
    { how: "as z-scores, padded", size: null, inputSlices: 1, width: 13, height: 9, normalization },
    { how: "as z-scores, shrunk", size: 16, inputSlices: 1, width: 37, height: 21, normalization },
    { how: "of several channels, with neighbors", size: null, inputSlices: 3, width: 13, height: 9, channels: phases },
  ])("$how", async ({ size, inputSlices, width, height, normalization: zScore, channels: named }) => {
    const normalized = zScore === undefined ? {} : { normalization: zScore };
    const described = named === undefined ? normalized : { window: undefined, channels: named };
    const saved = await exampleModel({ norm: "instance" }, { size, inputSlices, ...described });
    const margin = (inputSlices - 1) / 2;
    const [pixels, count, ofSlice] = [width * height, 2, named?.length ?? 1];
    const planes = (count + 2 * margin) * ofSlice;
    const volume = slicesOf(planes, width, height);
    /** A channel of a slice; those of a slice follow one another. */
    const plane = (i: number): Float32Array => volume.subarray(i * pixels, (i + 1) * pixels);
    const predictor = new SlicePredictor(device, saved, { atOnce: count });
    const all = Array.from({ length: planes }, (_, i) => plane(i));
    const expected = (await predictor.predict(all, width, height)).flatMap((labels) => [...labels]);
    await predictor.close();
    expect(new Set(expected).size).toBeGreaterThan(1);
    const { model, description } = await exportOnnx(saved, { output: "labels" });
    const images = inputSlices * ofSlice;
    const input = Float32Array.from({ length: count * images * pixels }, (_, i) => {
      const [n, c] = [Math.floor(i / (images * pixels)), Math.floor(i / pixels) % images];
      return plane(n * ofSlice + c)[i % pixels] as number;
    });
    expect(description.zScore).toEqual(zScore === undefined ? null : { mean: 90, deviation: 45 });
    expect(description).toMatchObject({ resampledTo: size, paddedTo: size === null ? 4 : null });
    if (named !== undefined) {
      const scores = [{ mean: 90, deviation: 45 }, null];
      expect(description.channels).toEqual(phases.map(({ name, window }, c) => ({ name, window, zScore: scores[c] })));
      expect(description.window).toBeNull();
    }
    const { dims, data } = await run(native, model, input, [count, images, height, width], "labels");
    expect(dims).toEqual([count, height, width]);
    expect([...data]).toEqual(expected);
  });
});

test("a model that sees z-scores by each whole scan is refused", async () => {
  const saved = await exampleModel({}, { window: [-32, 32], normalization: { kind: "image" } });
  await expect(exportOnnx(saved, { output: "labels" })).rejects.toThrow(
    "z-scores by the mean and standard deviation of each whole scan",
  );
});
