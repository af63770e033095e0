import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { channelZScores } from "@lobule/data";
import { nodeStorage, openGpu } from "@lobule/node";
import { compile, Device, gradients, type Image, readSafetensors } from "@lobule/tensor";
import { buildNetwork, SlicePredictor } from "@lobule/train";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type NnUNetFold, nnunetFolds, readNnUNetFold } from "./nnunet-folder.js";
import { nnunetNames } from "./nnunet-weights.js";

let device: Device;
beforeAll(async () => {
  device = await Device.open(await openGpu(), { validate: true });
});
afterAll(() => device.destroy());

interface Fixture {
  readonly folds: readonly NnUNetFold[];
  readonly io: ReadonlyMap<string, Float32Array>;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

async function fixture(name: string): Promise<Fixture> {
  const folder = fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
  const tensors = readSafetensors(await readFile(join(folder, "io.safetensors")));
  const folds: NnUNetFold[] = [];
  for (const fold of await nnunetFolds(nodeStorage, folder, "final")) {
    folds.push(await readNnUNetFold(nodeStorage, folder, fold, "final"));
  }
  const io = new Map([...tensors].map(([key, { data }]) => [key, Float32Array.from(data, Number)]));
  return { folds, io, shapes: new Map([...tensors].map(([key, { shape }]) => [key, shape])) };
}

/** max|found − expected| / max|expected|. */
const error = (found: ArrayLike<number>, expected: Float32Array | undefined): number => {
  if (expected?.length !== found.length) return Number.POSITIVE_INFINITY;
  return (
    Math.max(...expected.map((value, i) => Math.abs(value - (found[i] as number)))) /
    Math.max(...expected.map(Math.abs))
  );
};

const networkOf = ({ description, weights }: NnUNetFold) => {
  const network = buildNetwork(description, 0);
  network.loadStateDict(weights);
  return network;
};

describe.each([
  ["plain", 2, 1],
  ["residual", 1, 1],
  ["channels", 1, 2],
])("%s", (name, count, channels) => {
  test("logits of each fold are PyTorch's, and so are the labels", async () => {
    const { folds, io } = await fixture(name);
    expect(folds).toHaveLength(count);
    for (const [i, fold] of folds.entries()) {
      const [height, width] = fold.plan.patch;
      const network = networkOf(fold).eval();
      const program = await compile(
        {
          inputs: { x: { shape: [1, channels, height, width], dtype: "f32" } },
          build: ({ x }) => ({ outputs: { logits: network.forward(x) } }),
        },
        { kernels: device.kernels, frozen: true },
      ).load(device);
      await program.run({ x: io.get("image") ?? new Float32Array() });
      const logits = await program.read("logits");
      program.destroy();
      const expected = io.get(`logits.${i}`) ?? new Float32Array();
      expect(error(logits, expected)).toBeLessThan(1e-5);
      const labels = (of: ArrayLike<number>): number[] =>
        Array.from({ length: height * width }, (_, at) => {
          const scores = [0, 1, 2].map((c) => of[c * height * width + at] as number);
          return scores.indexOf(Math.max(...scores));
        });
      const [found, wanted] = [labels(logits), labels(expected)];
      expect(new Set(wanted).size).toBeGreaterThan(1);
      expect(found.filter((label, at) => label === wanted[at]).length).toBeGreaterThanOrEqual(0.999 * wanted.length);
    }
  });

  test("labels of slices of any size and spacing are those of nnU-Net's patches", async () => {
    const { folds, io, shapes } = await fixture(name);
    const [{ plan }] = folds as [NnUNetFold];
    const predictor = new SlicePredictor(
      device,
      folds.map(({ description, weights }) => ({ description, weights, code: undefined })),
      { atOnce: 1 },
    );
    const count = [...io.keys()].filter((key) => key.startsWith("slice.")).length;
    for (let i = 0; i < count; i++) {
      const [height = 0, width = 0] = shapes.get(`slice.${i}`)?.slice(-2) ?? [];
      const [rows = 0, columns = 0] = io.get(`spacing.${i}`) ?? plan.spacing;
      const slices = Array.from({ length: channels }, (_, c) =>
        (io.get(`slice.${i}`) ?? new Float32Array()).subarray(c * height * width, (c + 1) * height * width),
      );
      const planes = slices.map((data) => ({ data, shape: [width, height, 1] as const }));
      const zScores = channelZScores(planes, predictor.inZScores, "the slice");
      const [labels = []] = await predictor.predict(slices, width, height, [columns, rows, 1], zScores);
      const expected = io.get(`labels.${i}`) ?? new Float32Array();
      const same = expected.filter((label, at) => label === labels[at]).length;
      expect(same / expected.length, `${height}×${width}`).toBeGreaterThanOrEqual(0.999);
    }
    await predictor.close();
  });

  test("gradients of the image's logits with respect to every parameter are PyTorch's", async () => {
    const { folds, io } = await fixture(name);
    const [fold] = folds as [NnUNetFold];
    const network = networkOf(fold).train();
    const [height, width] = fold.plan.patch;
    const expected = [...io].filter(([key]) => key.startsWith("grad."));
    const names = nnunetNames(
      expected.map(([key]) => key.slice(5)),
      fold.plan.spec,
    );
    const parameters = network.namedParameters();
    const pairs = expected.map(([key, values]) => {
      const parameter = parameters.get(names[key.slice(5)] ?? "");
      if (parameter === undefined) throw new Error(`no parameter for ${key}`);
      return { key, parameter, values };
    });
    expect(pairs.length).toBe([...parameters.keys()].filter((each) => !each.startsWith("auxiliary")).length);
    const program = await compile(
      {
        inputs: {
          x: { shape: [1, channels, height, width], dtype: "f32" },
          g: { shape: [1, 3, height, width], dtype: "f32" },
        },
        build: ({ x, g }) => {
          const all = gradients(
            network.forward(x) as Image,
            pairs.map(({ parameter }) => parameter),
            g,
          );
          return { outputs: Object.fromEntries(pairs.map(({ key }, i) => [key, all[i] as (typeof all)[number]])) };
        },
      },
      { kernels: device.kernels },
    ).load(device);
    await program.run({ x: io.get("image") ?? new Float32Array(), g: io.get("grad_logits") ?? new Float32Array() });
    const largest = Math.max(...pairs.flatMap(({ values }) => [...values].map(Math.abs)));
    for (const { key, values } of pairs) {
      const found = await program.read(key);
      // A bias before a normalization has no gradient but for rounding.
      const distance = Math.max(...values.map((value, i) => Math.abs(value - (found[i] as number))));
      expect(distance, key).toBeLessThan(1e-4 * Math.max(...values.map(Math.abs), 0.01 * largest));
    }
    program.destroy();
  });
});
