import { openGpu } from "@lobule/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Device } from "../device/device.js";
import { constant } from "../graph/apply.js";
import type { HostData, Image, Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { batchNorm } from "../ops/batch-norm.js";
import { addBias } from "../ops/bias.js";
import { concatChannels, sliceChannels } from "../ops/channels.js";
import { conv1x1, conv3x3 } from "../ops/convolution.js";
import { gradients } from "../ops/gradients.js";
import { add, multiply, relu } from "../ops/pointwise.js";
import { softmaxLoss } from "../ops/softmax-loss.js";
import { sum } from "../ops/sum.js";
import type { TunedKernels } from "./calls.js";
import { defaultVariant } from "./convolution-variants.js";
import { compile, type Program } from "./program.js";

let device: Device;
beforeAll(async () => {
  device = await Device.open(await openGpu(), { validate: true });
});
afterAll(() => device.destroy());

const quads: TunedKernels = { reduction: "parallel", fastest: (call) => defaultVariant(call, "parallel") };
/** The same with half the multiplications. */
const winograd: TunedKernels = {
  ...quads,
  fastest: (call) => {
    const variant = defaultVariant(call, "parallel");
    return variant === "tall" ? "winograd" : variant;
  },
};
/** Of pixels, as software adapters compute. */
const plain: TunedKernels = { reduction: "serial", fastest: () => "plain" };
const noise = (length: number, k: number) =>
  Float32Array.from({ length }, (_, i) => (Math.sin((i + 1) * 12.9898 + k * 78.233) * 43758.5453) % 1);

/**
 * Expressions of every kind in loads and stores: images, values by channel, by row and by column, a concatenation, a slice, a
 * batch norm with statistics of both kinds, a 1×1 convolution that is added, a loss with a gradient that its kernel does not sum.
 */
function program(kernels: TunedKernels, precision: "f32" | "f16"): Program {
  const weight = (shape: readonly [number, number, 3, 3], k: number) =>
    constant(noise(shape[0] * shape[1] * 9, k), shape);
  return compile(
    {
      inputs: { x: { shape: [2, 4, 7, 12], dtype: "f32" } },
      build: ({ x }) => {
        const byColumn = multiply(x, constant(noise(4 * 12, 1), [1, 4, 1, 12]));
        const byRow = add(byColumn, constant(noise(7, 2), [1, 1, 7, 1]));
        const byChannel = multiply(byRow, constant(noise(8, 3), [2, 4, 1, 1]));
        const both = concatChannels(relu(byChannel), sliceChannels(x, 1, 3));
        const w = new Variable("w", [5, 6, 3, 3] as const, noise(5 * 6 * 9, 4), "parameter");
        const narrow = constant(noise(9 * 6, 8), [9, 6, 1, 1]);
        const normalized = batchNorm(conv3x3(both as Image<6>, w), {
          weight: constant(noise(5, 5), [5]),
          bias: constant(noise(5, 6), [5]),
          runningMean: new Variable("mean", [5], new Float32Array(5), "statistic"),
          runningVariance: new Variable("variance", [5], new Float32Array(5).fill(1), "statistic"),
          training: true,
          epsilon: 1e-5,
          momentum: 0.1,
        });
        const y = add(conv3x3(relu(normalized), weight([9, 5, 3, 3], 7)), conv1x1(both as Image<6>, narrow));
        const bias = new Variable("bias", [3] as const, noise(3, 10), "parameter");
        const logits = addBias(conv1x1(x, constant(noise(3 * 4, 11), [3, 4, 1, 1])), bias);
        const labels = Array.from({ length: 2 * 7 * 12 }, (_, i) => i % 4);
        const lambda = { lambdaCrossEntropy: 1000, lambdaDice: 1000 };
        const { loss } = softmaxLoss(logits, constant(labels, [2, 7, 12], "u32"), lambda);
        const total = add(sum(multiply(y, y)), loss);
        const [gradX, gradW, gradNarrow, gradBias] = gradients(total, [x, w, narrow, bias]) as [
          Tensor,
          Tensor,
          Tensor,
          Tensor,
        ];
        return { outputs: { y: relu(y), gradX, gradW, gradNarrow, gradBias } };
      },
    },
    { kernels, precision },
  );
}

const names = (made: Program) => new Set(made.calls.map(({ kernel }) => kernel.name));

async function run(made: Program): Promise<readonly HostData[]> {
  const loaded = await made.load(device);
  await loaded.run({ x: noise(2 * 4 * 7 * 12, 9) });
  const results: HostData[] = [];
  for (const name of ["y", "gradX", "gradW", "gradNarrow", "gradBias"]) results.push(await loaded.read(name));
  loaded.destroy();
  return results;
}

test.for([
  ["f32", quads, "conv3x3-tall", 1e-5],
  ["f16", winograd, "conv3x3-winograd", 4e-3],
] as const)(
  "a program that reads and writes quads gives what one of pixels gives, %s",
  async ([precision, kernels, image, limit], ctx) => {
    if (precision === "f16" && !device.hasF16) ctx.skip("adapter lacks shader-f16");
    const [byQuads, byPixels] = [program(kernels, precision), program(plain, "f32")];
    expect([...names(byQuads)].filter((name) => /-(vector|tall|winograd)$/.test(name))).toEqual([
      image,
      "conv1x1-vector",
      "softmax-loss-vector",
      "softmax-loss-grad-vector",
      "channel-statistics-vector",
      "conv1x1-grad-weight-vector",
      "conv3x3-grad-weight-vector",
    ]);
    expect([...names(byPixels)].filter((name) => /-(vector|tall|winograd)$/.test(name))).toEqual([]);
    const expected = await run(byPixels);
    (await run(byQuads)).forEach((values, i) => {
      const reference = expected[i] as HostData;
      const distance = Math.hypot(...values.map((value, at) => value - (reference[at] as number)));
      expect(distance / Math.hypot(...reference)).toBeLessThan(limit);
    });
  },
);
