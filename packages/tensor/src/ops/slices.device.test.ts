import { packLabelFields, packSamples, wordsPerSample } from "@lobule/kernels-wgsl";
import { beforeAll, expect, test } from "vitest";
import { compile } from "../compiler/program.js";
import type { Device } from "../device/device.js";
import { input } from "../graph/apply.js";
import type { Image } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { gradients } from "../ops/gradients.js";
import { testDevice } from "../testing/device.js";
import { concatChannels } from "./channels.js";
import { labelMap } from "./label-map.js";
import { mirror } from "./mirror.js";
import { overlapCounts } from "./overlap-counts.js";
import { addScalar, multiply, scale } from "./pointwise.js";
import { sampleSlices } from "./slice-sampler.js";
import { sum } from "./sum.js";

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const sample = {
  width: 2,
  height: 2,
  scale: 1,
  offset: 0,
  low: 0,
  high: 100,
  outside: 0,
  gain: 0.01,
  shift: 0,
  noise: 0,
  seed: 0,
  transform: [1, 0, 0, 0, 1, 0] as const,
  supersample: 1,
};

test("from stored slices to counts, and to labels on the slice's own grid", async () => {
  const program = compile({
    inputs: {
      pixels: { shape: [2], dtype: "u32" },
      labels: { shape: [1], dtype: "u32" },
      samples: { shape: [wordsPerSample], dtype: "u32" },
      fields: { shape: [8], dtype: "u32" },
    },
    build: ({ pixels, labels, samples, fields }) => {
      const { image, target } = sampleSlices({
        pixels,
        labels,
        samples,
        slotPixels: 4,
        batch: 1,
        height: 2,
        width: 2,
      });
      // Class 1 where the image is above 0.5; the logits are pasted into the kernels that read them.
      const logits = concatChannels(addScalar(scale(image, 0), 0.5), image);
      return { outputs: { image, counts: overlapCounts(logits, target), labels: labelMap(logits, fields, 4) } };
    },
  });
  const step = await program.load(device);
  await step.run({
    pixels: new Uint32Array(Int16Array.of(-5, 20, 60, 900).buffer),
    labels: new Uint32Array(Uint8Array.of(0, 1, 1, 0).buffer),
    samples: packSamples([sample]),
    fields: packLabelFields([{ width: 2, height: 2, transform: [1, 0, 0, 0, 1, 0] }]),
  });
  const image = await step.read("image");
  [0, 0.2, 0.6, 1].forEach((value, i) => {
    expect(image[i]).toBeCloseTo(value, 6);
  });
  expect([...(await step.read("counts"))]).toEqual([1, 2, 2, 1, 2, 2]);
  expect([...new Uint8Array((await step.read("labels")).buffer)]).toEqual([0, 0, 1, 1]);
});

test("mirrored twice, an image and its gradient are where they were", async () => {
  const values = Float32Array.of(1, 2, 3, 4, 5, 6);
  const x = new Variable("x", [1, 1, 2, 3] as const, values, "parameter");
  const weights = new Variable("w", [1, 1, 2, 3] as const, values, "parameter");
  const once = mirror(x as Image, { x: true, y: false });
  const [gradient] = gradients(sum(multiply(once, weights)), [x]);
  const program = compile({
    inputs: {},
    build: () => ({ outputs: { once, twice: mirror(once, { x: true, y: false }), gradient: gradient as Image } }),
  });
  const step = await program.load(device);
  await step.run({});
  expect([...(await step.read("once"))]).toEqual([3, 2, 1, 6, 5, 4]);
  expect([...(await step.read("twice"))]).toEqual([1, 2, 3, 4, 5, 6]);
  expect([...(await step.read("gradient"))]).toEqual([3, 2, 1, 6, 5, 4]);
});

test("inputs of the wrong length are refused, and so are gradients", () => {
  const words = (length: number) => input("words", [length], "u32");
  const extents = { slotPixels: 4, batch: 1, height: 2, width: 2 };
  expect(() => sampleSlices({ pixels: words(3), samples: words(wordsPerSample), ...extents })).toThrow(
    /pixels is u32 \[3\], expected u32 \[2\] for 1 slices of 4 pixels/,
  );
  expect(() => labelMap(input("scores", [2, 1, 2, 2], "f32"), words(8), 4)).toThrow(/expected u32 \[16\]/);
  const logits = new Variable("logits", [1, 2, 2, 2] as const, new Float32Array(8), "parameter");
  const counts = overlapCounts(logits as Image<2>, input("target", [1, 2, 2], "u32"));
  expect(() => gradients(sum(counts), [logits])).toThrow(/overlap-counts, which has no gradient/);
});
