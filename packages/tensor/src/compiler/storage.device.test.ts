import { describe, expect, test } from "vitest";
import { Device } from "../device/device.js";
import { constant } from "../graph/apply.js";
import type { Image, Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { scaledDotProductAttention } from "../ops/attention.js";
import { attentionGate } from "../ops/attention-gate.js";
import { batchNorm } from "../ops/batch-norm.js";
import { addBias } from "../ops/bias.js";
import { concatChannels, reshape } from "../ops/channels.js";
import { conv1x1, conv3x3, convTranspose2x2 } from "../ops/convolution.js";
import { gradients } from "../ops/gradients.js";
import { add, divide, multiply, sigmoid } from "../ops/pointwise.js";
import { softmaxLoss } from "../ops/softmax-loss.js";
import { sum } from "../ops/sum.js";
import { testDevice } from "../testing/device.js";
import { type CompileOptions, compile, type Program } from "./program.js";

const wave = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.fround(Math.sin(i * 12.9898 * (seed + 1) + seed * 78.233)));

const relative = (got: ArrayLike<number>, reference: ArrayLike<number>): number => {
  let distance = 0;
  let norm = 0;
  for (let i = 0; i < reference.length; i++) {
    distance += ((got[i] as number) - (reference[i] as number)) ** 2;
    norm += (reference[i] as number) ** 2;
  }
  return Math.sqrt(distance / (norm || 1));
};

/**
 * Every kernel of the network but max-pool, with a smooth function in place of ReLU: a gradient that does not jump can
 * be held to the size of a rounding. All images have an odd number of elements.
 */
function smoothNetwork(x: Image<3>, target: Tensor<readonly [number, number, number], "u32">) {
  const parameters: Variable[] = [];
  const variable = <const S extends readonly number[]>(shape: S, seed: number, size = 0.5): Variable<S> => {
    const length = shape.reduce((total, each) => total * each, 1);
    const made = new Variable(
      `p${seed}`,
      shape,
      wave(length, seed).map((value) => value * size),
      "parameter",
    );
    parameters.push(made);
    return made;
  };
  const norm = (y: Image<3>, seed: number): Image<3> =>
    batchNorm(y, {
      weight: variable([3], seed, 1),
      bias: variable([3], seed + 1),
      runningMean: new Variable("mean", [3], new Float32Array(3), "statistic"),
      runningVariance: new Variable("variance", [3], new Float32Array(3).fill(1), "statistic"),
      training: true,
      epsilon: 1e-5,
      momentum: 0.1,
    });
  const a = sigmoid(norm(conv3x3(x, variable([3, 3, 3, 3], 1)), 2));
  const b = addBias(norm(conv1x1(a, variable([3, 3, 1, 1], 4)), 6), variable([3], 5));
  const { gated } = attentionGate({
    skip: add(a, b),
    gating: b,
    wx: variable([2, 3, 1, 1], 8),
    wg: variable([2, 3, 1, 1], 9),
    wgBias: variable([2], 10, 3),
    psi: variable([1, 2, 1, 1], 11),
    psiBias: variable([1], 12),
  });
  const heads = (y: Tensor): Tensor => reshape(y, [1, 1, 35, 3]);
  const { output } = scaledDotProductAttention(heads(gated), heads(a), heads(b));
  const both = conv1x1(concatChannels(gated, reshape(output, x.shape)) as Image<6>, variable([3, 6, 1, 1], 13));
  const up = convTranspose2x2(multiply(both, b) as Image<3>, variable([3, 4, 2, 2], 14));
  return { logits: up, loss: softmaxLoss(up, target).loss, parameters };
}

const target = Uint32Array.from({ length: 140 }, (_, i) => i % 4);

function smoothProgram(options: CompileOptions): Program {
  return compile(
    {
      inputs: { x: { shape: [1, 3, 5, 7], dtype: "f32" }, target: { shape: [1, 10, 14], dtype: "u32" } },
      build: ({ x, target: labels }) => {
        const { logits, loss, parameters } = smoothNetwork(x, labels);
        const seed = constant([1024], [1]);
        const named = gradients(loss, [x, ...parameters], seed).map((each, i) => [`gradient ${i}`, divide(each, seed)]);
        return { outputs: { logits, loss, ...Object.fromEntries(named) } };
      },
    },
    options,
  );
}

/** The kernels that cost a CPU the least to compile; fused and others agree with them to 1e-5. */
const readable = { fusion: false, kernels: "plain" } as const;

async function run(program: Program): Promise<Record<string, ArrayLike<number>>> {
  const loaded = await program.load(await testDevice());
  await loaded.run({ x: wave(105, 3), target });
  const results: Record<string, ArrayLike<number>> = {};
  for (const name of Object.keys(program.outputs)) results[name] = await loaded.read(name);
  loaded.destroy();
  return results;
}

/** A device as on an adapter that lacks shader-f16. */
async function deviceWithoutHalf(): Promise<Device> {
  const { openGpu } = await import("@lobule/node");
  const gpu = await openGpu();
  const adapter = await gpu.requestAdapter();
  if (adapter === null) throw new Error("no adapter");
  const lacking = withOther(adapter, "features", new Set<string>());
  return Device.open(withOther(gpu, "requestAdapter", async () => lacking));
}

/** The same object but for one property; its methods are called on the object itself, being native. */
const withOther = <T extends object, Key extends keyof T>(object: T, other: Key, value: T[Key]): T =>
  new Proxy(object, {
    get: (target, key) => {
      if (key === other) return value;
      const own: unknown = Reflect.get(target, key, target);
      return typeof own === "function" ? own.bind(target) : own;
    },
  });

describe("precision f16", () => {
  test("values and gradients differ from f32's by roundings, fused or not, with either kernels", async (context) => {
    if (!(await testDevice()).hasF16) return context.skip("adapter lacks shader-f16");
    const reference = await run(smoothProgram(readable));
    for (const options of [{}, readable]) {
      const results = await run(smoothProgram({ ...options, precision: "f16" }));
      for (const [name, expected] of Object.entries(reference)) {
        // Some twenty stored results are on the way to the logits, each off by at most 2⁻¹¹; twice that there and back,
        // and the gradient of a norm is a difference.
        const roundings = name.startsWith("gradient") ? 60 : 20;
        expect.soft(relative(results[name] as ArrayLike<number>, expected), name).toBeLessThan(roundings * 2 ** -11);
      }
      expect(relative(results.logits as ArrayLike<number>, reference.logits as ArrayLike<number>)).toBeGreaterThan(
        1e-5,
      );
    }
  });

  test("two runs give the same bytes", async (context) => {
    if (!(await testDevice()).hasF16) return context.skip("adapter lacks shader-f16");
    const program = smoothProgram({ precision: "f16" });
    expect(await run(program)).toEqual(await run(program));
  });

  test("images are f16 in the plan, everything else is f32", () => {
    const program = smoothProgram({ precision: "f16" });
    const types = new Map<string, Set<string>>();
    for (const [, type = "", shape = ""] of program.describe().matchAll(/ (f16|u32|)\[([\d, ]+)\]/g)) {
      types.set(shape, (types.get(shape) ?? new Set()).add(type));
    }
    const typesOf = (...shape: number[]) => [...(types.get(shape.join(", ")) ?? [])];
    expect(typesOf(1, 3, 5, 7)).toContain("f16");
    expect(typesOf(1, 1, 5, 7)).toEqual(["f16"]); // the gate's alpha
    expect(typesOf(1, 1, 35, 3)).toEqual(["f16"]); // attention's output
    expect(typesOf(1, 4, 10, 14)).toContain(""); // logits on the way into the loss
    for (const shape of types.keys()) {
      const half = types.get(shape)?.has("f16") === true;
      if (half) expect(shape.split(", "), shape).toHaveLength(4);
    }
    expect(Object.values(program.outputs).every(({ dtype }) => dtype === "f32")).toBe(true);
  });

  test("half the memory where images are all there is", () => {
    const chain = (precision: "f32" | "f16"): Program =>
      compile(
        {
          inputs: { x: { shape: [2, 3, 33, 31], dtype: "f32" } },
          build: ({ x }) => {
            const weight = constant(wave(81, 1), [3, 3, 3, 3]);
            const y = conv3x3(conv3x3(conv3x3(x as Image<3>, weight), weight), weight);
            return { outputs: { total: sum(y) } };
          },
        },
        { precision, kernels: "plain", fusion: false },
      );
    const [half, full] = [chain("f16").poolBytes, chain("f32").poolBytes];
    // The images of 6·33·31 elements, to the next multiple of 16 bytes.
    expect(half.slice(0, 2)).toEqual([12_288, 12_288]);
    expect(full.slice(0, 2)).toEqual([24_560, 24_560]);
    expect(chain("f16").bytesPerRun).toBeLessThan(0.7 * chain("f32").bytesPerRun);
  });

  test("what is made of parameters alone, and sums over channels, stay f32", () => {
    const weight = new Variable("w", [3, 3, 3, 3] as const, wave(81, 1), "parameter");
    const scaleOfRow = new Variable("s", [1, 1, 5, 1], wave(5, 2), "parameter");
    const program = compile(
      {
        inputs: { x: { shape: [2, 3, 5, 4], dtype: "f32" } },
        build: ({ x }) => {
          const y = multiply(conv3x3(x as Image<3>, multiply<readonly [3, 3, 3, 3]>(weight, weight)), scaleOfRow);
          return { outputs: Object.fromEntries(gradients(sum(multiply(y, y)), [weight, scaleOfRow]).entries()) };
        },
      },
      { precision: "f16" },
    );
    const text = program.describe();
    expect(text).toContain("f16[2, 3, 5, 4]");
    expect(text).not.toContain("f16[3, 3, 3, 3]");
    // The gradient of the rows' scale is summed over samples, channels and columns, one after the other.
    expect([...text.matchAll(/f16\[([\d, ]+)\]/g)].map(([, shape]) => shape)).not.toContain("1, 1, 1, 60");
    expect([...text.matchAll(/f16\[([\d, ]+)\]/g)].every(([, shape]) => shape === "2, 3, 5, 4")).toBe(true);
  });

  test("an adapter without shader-f16 is told what to do, and f32 runs there", async () => {
    const device = await deviceWithoutHalf();
    await expect(smoothProgram({ precision: "f16" }).load(device)).rejects.toThrow(
      /uses f16, this adapter has no shader-f16; compile with precision "f32", or use another adapter/,
    );
    const loaded = await smoothProgram(readable).load(device);
    await loaded.run({ x: wave(105, 3), target });
    expect((await loaded.read("loss"))[0]).toBeGreaterThan(0);
    device.destroy();
  });
});
