import { readFile } from "node:fs/promises";
import { Module } from "@lobule/nn";
import { openGpu } from "@lobule/node";
import { LossScaler, WeightAverage } from "@lobule/optim";
import {
  accumulate,
  compile,
  Device,
  gradients,
  multiply,
  type Shape,
  sum,
  type Tensor,
  Variable,
} from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { optimizerOf } from "./settings/optimizer-of.js";
import { type OptimizerSpec, optimizerSetting } from "./settings/optimizer-setting.js";

let device: Device;
beforeAll(async () => {
  device = await Device.open(await openGpu());
});
afterAll(() => device.destroy());

/** What tools/oracle/losses_and_optimizers.py computed with PyTorch: values after step 1, 3 and 6. */
interface Oracle {
  readonly shapes: readonly [readonly [number], readonly [number, number]];
  readonly start: readonly (readonly number[])[];
  readonly gradients: readonly (readonly (readonly number[])[])[];
  readonly cases: readonly {
    readonly options: OptimizerSpec & {
      readonly learningRate: number;
      readonly clipNorm?: number;
      readonly ema?: number;
    };
    readonly after: Readonly<Record<string, readonly number[]>>;
    readonly averages?: Readonly<Record<string, readonly number[]>>;
  }[];
}
const oracle: Oracle = JSON.parse(
  await readFile(new URL("../../../tools/oracle/fixtures/optimizers.json", import.meta.url), "utf8"),
);
const steps = oracle.gradients.length;

/** Two parameters. */
class Both extends Module {
  readonly a: Variable;
  readonly b: Variable;

  constructor([a = [], b = []]: readonly (readonly number[])[]) {
    super();
    this.a = new Variable("a", oracle.shapes[0] as Shape, Float32Array.from(a), "parameter");
    this.b = new Variable("b", oracle.shapes[1] as Shape, Float32Array.from(b), "parameter");
  }

  async values(): Promise<number[]> {
    return [...(await this.a.read()), ...(await this.b.read())];
  }
}

interface Way {
  readonly scaler?: LossScaler;
  /** Whether the gradients are gathered from two halves. */
  readonly inParts?: boolean;
}

/** Parameters, and their averages, after every step. */
async function trajectory({ options }: Oracle["cases"][number], { scaler, inParts = false }: Way = {}) {
  const { learningRate, clipNorm, ema, ...spec } = options;
  const model = new Both(oracle.start);
  const averaged = new Both([Array<number>(7).fill(Number.NaN), Array<number>(6).fill(Number.NaN)]);
  const optimizer = optimizerOf(optimizerSetting.parse(spec), model.namedParameters(), learningRate);
  const average = ema === undefined ? undefined : new WeightAverage(model, averaged, ema);
  const found = (ga: Tensor, gb: Tensor): Tensor[] =>
    [
      [model.a, ga],
      [model.b, gb],
    ].flatMap(([p, g]) => gradients(sum(multiply(p as Variable, g as Tensor)), [p as Variable], scaler?.scale));
  const update = (grads: readonly Tensor[], hyper: Tensor<readonly [8], "f32">, share: Tensor<readonly [1], "f32">) => [
    optimizer.update(grads, hyper, { scaler, clipNorm }),
    ...(average === undefined ? [] : [average.update(share)]),
  ];
  const given = {
    ga: { shape: oracle.shapes[0], dtype: "f32" },
    gb: { shape: oracle.shapes[1], dtype: "f32" },
  } as const;
  const numbers = { hyper: { shape: [8], dtype: "f32" }, share: { shape: [1], dtype: "f32" } } as const;
  const sums = optimizer.parameters.map(
    ({ name, shape, initial }) => new Variable(name, shape, new Float32Array(initial.length), "gradient"),
  );
  const part = compile({
    inputs: { ...given, shares: { shape: [2], dtype: "f32" } },
    build: ({ ga, gb, shares }) => ({ updates: [accumulate(optimizer.parameters, found(ga, gb), sums, shares)] }),
  });
  const whole = compile({
    inputs: { ...given, ...numbers },
    build: ({ ga, gb, hyper, share }) => ({ updates: update(found(ga, gb), hyper, share) }),
  });
  const last = compile({ inputs: numbers, build: ({ hyper, share }) => ({ updates: update(sums, hyper, share) }) });
  const programs = await Promise.all([part, whole, last].map((program) => program.load(device)));
  const [loadedPart, loadedWhole, loadedLast] = programs;
  const after: Record<string, number[]> = {};
  const averages: Record<string, number[]> = {};
  for (let step = 1; step <= steps; step++) {
    const [ga = [], gb = []] = oracle.gradients[step - 1] ?? [];
    const inputs = { ga: Float32Array.from(ga), gb: Float32Array.from(gb) };
    const now = { hyper: optimizer.advance(), share: average?.share(step) ?? Float32Array.of(1) };
    if (inParts) {
      await loadedPart?.run({ ...inputs, shares: Float32Array.of(0, 0.5) });
      await loadedPart?.run({ ...inputs, shares: Float32Array.of(1, 0.5) });
      await loadedLast?.run(now);
    } else await loadedWhole?.run({ ...inputs, ...now });
    after[step] = await model.values();
    averages[step] = await averaged.values();
  }
  for (const program of programs) program.destroy();
  return { after, averages };
}

function expectNear(
  got: Readonly<Record<string, number[]>>,
  expected: Readonly<Record<string, readonly number[]>>,
): void {
  for (const [step, values] of Object.entries(expected)) {
    values.forEach((value, i) => {
      expect(Math.abs((got[step]?.[i] ?? Number.NaN) - value), `step ${step}, value ${i}`).toBeLessThan(1e-6);
    });
  }
}

describe.each(oracle.cases.map((each) => [JSON.stringify(each.options), each] as const))("%s", (_name, each) => {
  test("as PyTorch", async () => {
    const { after, averages } = await trajectory(each);
    expectNear(after, each.after);
    if (each.averages !== undefined) expectNear(averages, each.averages);
  });

  test("the same from gradients in parts, and from those of a scaled loss", async () => {
    expectNear((await trajectory(each, { inParts: true })).after, each.after);
    expectNear((await trajectory(each, { scaler: new LossScaler() })).after, each.after);
  });
});

test("every optimizer is among them, with and without clipping at work", () => {
  const kinds: Record<OptimizerSpec["kind"], true> = { adam: true, adamw: true, sgd: true };
  expect(new Set(oracle.cases.map(({ options }) => options.kind))).toEqual(new Set(Object.keys(kinds)));
  const norms = oracle.gradients.map((step) => Math.hypot(...step.flat()));
  expect(Math.min(...norms)).toBeLessThan(1.5);
  expect(Math.max(...norms)).toBeGreaterThan(1.5);
});

test("a norm that is never reached changes no bit", async () => {
  const plain = oracle.cases.find(({ options }) => options.kind === "sgd" && options.clipNorm !== undefined);
  if (plain === undefined) throw new Error("the oracle has no clipped SGD");
  const { clipNorm: _none, ...unclipped } = plain.options;
  const [free, bound] = [unclipped, { ...unclipped, clipNorm: 1e6 }].map((options) => ({ ...plain, options }));
  expect(await trajectory(bound ?? plain)).toEqual(await trajectory(free ?? plain));
});
