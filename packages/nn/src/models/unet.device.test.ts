import { openGpu } from "@lobule/node";
import {
  adam,
  compile,
  constant,
  Device,
  gradients,
  type Image,
  PlanError,
  ShapeError,
  Variable,
} from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deeplySupervised } from "../losses/deep-supervision.js";
import { diceCrossEntropy } from "../losses/dice-cross-entropy.js";
import { NnUNet } from "./nnunet.js";
import { UNet } from "./unet.js";
import { referenceSpec, specProblem, type UNetSpec, unetPresets } from "./unet-spec.js";

const image = <In extends number = 1>(batch: number, height: number, width: number, channels = 1 as In): Image<In> =>
  constant(
    Float32Array.from({ length: batch * channels * height * width }, (_, i) => Math.fround(Math.sin(0.37 * i))),
    [batch, channels, height, width],
  );

let device: Device;
beforeAll(async () => {
  device = await Device.open(await openGpu(), { validate: true });
});
afterAll(() => device.destroy());

const stage = { features: 4, kernel: [3, 3], blocks: 2, decoderConvolutions: 1 } as const;
/** Networks of images of so many channels. */
const networks: Readonly<Record<string, (inChannels: number) => UNet<number> | NnUNet<number>>> = {
  ...Object.fromEntries(
    Object.entries(unetPresets).map(([name, preset]) => [
      name,
      (inChannels: number) => new UNet({ ...preset, inChannels, baseFeatures: 4, depth: 3, seed: 1 }),
    ]),
  ),
  "nnU-Net's ResidualEncoderUNet": (inChannels) =>
    new NnUNet({
      encoder: "residual",
      stages: [
        { ...stage, stride: [1, 1] },
        { ...stage, stride: [2, 2] },
      ],
      convolutionBias: true,
      norm: "instance",
      activation: "leaky-relu",
      deepSupervision: 0,
      inChannels,
      classes: 3,
      seed: 1,
    }),
};

describe.each(Object.entries(networks))("%s", (name, network) => {
  // Those of nnU-Net's people are trained on several channels too.
  const channels = /res-enc|ResidualEncoder/.test(name) ? 2 : 1;

  test("two steps of Adam lower the loss", async () => {
    const model = network(channels);
    const parameters = model.train().parameters();
    const moments = (prefix: string) =>
      parameters.map(
        ({ name, shape, initial }) =>
          new Variable(
            prefix + name,
            shape,
            initial.map(() => 0),
            "moment",
          ),
      );
    const [first, second] = [moments("first."), moments("second.")];
    const program = compile(
      {
        inputs: { target: { shape: [2, 16, 16], dtype: "u32" }, hyper: { shape: [8], dtype: "f32" } },
        build: ({ target, hyper }) => {
          const { loss } = deeplySupervised(model.forwardAll(image(2, 16, 16, channels)), (logits) =>
            diceCrossEntropy(logits, target),
          );
          return { metrics: { loss }, updates: [adam(parameters, gradients(loss, parameters), first, second, hyper)] };
        },
      },
      { kernels: device.kernels },
    );
    const loaded = await program.load(device);
    const target = Uint32Array.from({ length: 512 }, (_, i) => Number(i % 16 > 7) + Number(i % 256 > 200));
    for (let step = 1; step <= 3; step++) {
      const [bc1, bc2] = [1 - 0.9 ** step, Math.sqrt(1 - 0.999 ** step)];
      await loaded.run({ target, hyper: Float32Array.of(1e-2, 0.1, 1e-3, 1e-8, 0, bc1, bc2, 0) });
    }
    const losses = (await loaded.metrics()).map(({ loss }) => loss);
    expect(losses).toHaveLength(3);
    expect(losses[2]).toBeLessThan(losses[0] as number);
    loaded.destroy();
  });
});

describe("dropout", () => {
  const model = new UNet({ baseFeatures: 2, depth: 1, dropout: 0.5, seed: 3 });
  const x = image(2, 8, 8);
  const logits = async (seed: number): Promise<Float32Array> => {
    const { y } = await device.evaluate({ y: model.forward(x, { dropoutSeed: [seed] }) });
    return y as Float32Array;
  };

  test("the seed decides in training; inference drops nothing", async () => {
    model.train();
    expect(await logits(1)).toEqual(await logits(1));
    expect(await logits(1)).not.toEqual(await logits(2));
    model.eval();
    expect(await logits(1)).toEqual(await logits(2));
  });

  test("inference is that of the network without it", async () => {
    const [with_, without] = [0.5, 0].map((dropout) =>
      new UNet({ baseFeatures: 2, depth: 1, dropout, seed: 3 }).eval(),
    );
    const got = await device.evaluate({ a: with_?.forward(x) as Image, b: without?.forward(x) as Image });
    expect(got.a).toEqual(got.b);
  });

  test("training without a seed is refused", () => {
    model.train();
    expect(() => model.forward(x)).toThrow(
      new PlanError("UNet: dropout 0.5 in training needs a dropoutSeed; give one, or call eval()"),
    );
  });
});

test("a level of several blocks has them one after another, and one alone keeps its name", () => {
  const names = [...new UNet({ baseFeatures: 2, depth: 2, encoderBlocks: [1, 3] }).namedParameters().keys()];
  const blocksAt = (level: string) =>
    new Set(names.flatMap((name) => new RegExp(`^${level}\\.(blocks\\.\\d)\\.conv1`).exec(name)?.[1] ?? [])).size;
  expect(["encoder.0", "encoder.1", "bridge", "decoder.0"].map(blocksAt)).toEqual([0, 3, 3, 0]);
  expect(names).toContain("encoder.0.conv1.weight");
});

test("deep supervision: logits of each level at the image's size, weighted by halves", async () => {
  const model = new UNet({ baseFeatures: 2, depth: 3, deepSupervision: 2 });
  const levels = model.eval().forwardAll(image(1, 8, 16));
  expect(levels.map(({ shape }) => shape)).toEqual(Array(3).fill([1, 3, 8, 16]));
  const target = constant(
    Uint32Array.from({ length: 128 }, (_, i) => i % 3),
    [1, 8, 16],
    "u32",
  );
  const each = levels.map((logits, i) => [`level${i}`, diceCrossEntropy(logits, target).loss] as const);
  const got: Readonly<Record<string, ArrayLike<number>>> = await device.evaluate({
    ...Object.fromEntries(each),
    all: deeplySupervised(levels, (logits) => diceCrossEntropy(logits, target)).loss,
  });
  const [a, b, c] = [0, 1, 2].map((i) => got[`level${i}`]?.[0] as number) as [number, number, number];
  expect(got.all?.[0]).toBeCloseTo((a + b / 2 + c / 4) / 1.75, 5);
});

describe("a specification that cannot be built is told what can", () => {
  const problem = (spec: Partial<UNetSpec>, baseFeatures = 6, depth = 2) =>
    specProblem({ baseFeatures, depth }, { ...referenceSpec, ...spec });

  test.each<[Partial<UNetSpec>, string]>([
    [{ norm: "group", groups: 4 }, "4 groups do not divide the 6 channels of level 0; 1, 2, 3 or 6 would fit"],
    [{ growth: 0.5 }, "growth must be from 1 to 4, got 0.5"],
    [{ dropout: 1 }, "dropout must be from 0 to below 1, got 1"],
    [
      { skip: "concat", gatingSignal: "coarse" },
      "a coarse gating signal needs gates, and skip is concat; use attention-gate or attention-gate-norm",
    ],
    [{ deepSupervision: 2 }, "deepSupervision must be from 0 to 1 with depth 2, got 2"],
    [
      { bridgeAttentionHeads: 5 },
      "5 heads do not divide the 24 channels of the bridge; 0 (none), 1, 2, 3, 4, 6 or 8 would fit",
    ],
    [{ encoderBlocks: [] }, "encoderBlocks must have a count for one level at least, got none"],
    [{ encoderBlocks: [1, 17] }, "encoderBlocks must be whole numbers from 1 to 16, got 17"],
  ])("%o", (spec, expected) => {
    expect(problem(spec)).toBe(expected);
    expect(() => new UNet({ ...spec, baseFeatures: 6, depth: 2 })).toThrow(new ShapeError(`UNet: ${expected}`));
  });

  test("what can be built has no problem", () => {
    for (const preset of Object.values(unetPresets)) expect(problem(preset, 8, 4)).toBeUndefined();
    expect(problem({ norm: "group", groups: 3 })).toBeUndefined();
  });
});
