import { beforeAll, describe, expect, test } from "vitest";
import { expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { sliceSamplerCases } from "./slice-sampler.cases.js";
import { packSamples, sliceLabels, sliceSampler } from "./slice-sampler.js";
import { sliceLabelsReference, sliceSamplerReference } from "./slice-sampler.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

test("reference, by hand: halfway between two pixels, clipped and scaled", () => {
  const sample = {
    width: 2,
    height: 1,
    scale: 2,
    offset: 0,
    low: 0,
    high: 10,
    outside: 0,
    gain: 0.1,
    shift: 1,
    noise: 0,
    seed: 0,
    transform: [1, 0, 0.5, 0, 1, 0] as const,
    supersample: 1,
  };
  // stored 1 and 50 are 2 and 100, clipped to 10; outside is 0
  expectClose("by hand", sliceSamplerReference([[1, 50]], [sample], { height: 1, width: 2 }), [1.6, 1.5], 1e-12);
  expect([...sliceLabelsReference([[1, 2]], [sample], { height: 1, width: 2 })]).toEqual([2, 0]);
});

describe.each(sliceSamplerCases)("$why", ({ height, width, samples }) => {
  const slotPixels = 4 * Math.ceil(Math.max(...samples.map((each) => each.width * each.height)) / 4);
  const shape = { batch: samples.length, height, width, slotPixels };
  const stored = new Int16Array(samples.length * slotPixels);
  randomArray(stored.length, 3, 700).forEach((value, i) => {
    stored[i] = value;
  });
  const classes = Uint8Array.from(randomArray(stored.length, 4), (value) => (value * 1e6) & 3);
  const slicesOf = (array: Int16Array | Uint8Array): ArrayLike<number>[] =>
    samples.map((_, n) => array.subarray(n * slotPixels, (n + 1) * slotPixels));
  const words = packSamples(samples);

  test("image, and the same bits twice", async () => {
    const arrays = {
      pixels: new Uint32Array(stored.buffer),
      samples: words,
      image: new Float32Array(samples.length * height * width).fill(Number.NaN),
    };
    const { image } = await runKernel(device, sliceSampler(shape), arrays, ["image"]);
    expectClose("image", image, sliceSamplerReference(slicesOf(stored), samples, shape));
    expect((await runKernel(device, sliceSampler(shape), arrays, ["image"])).image).toEqual(image);
  });

  test("labels", async () => {
    const arrays = {
      labels: new Uint32Array(classes.buffer),
      samples: words,
      labelMap: new Uint32Array(samples.length * height * width).fill(99),
    };
    const { labelMap } = await runKernel(device, sliceLabels(shape), arrays, ["labelMap"]);
    expect(labelMap).toEqual(sliceLabelsReference(slicesOf(classes), samples, shape));
  });
});

test("as it is, values are those of the formula to the bit", async () => {
  const values = Int16Array.of(-1000, -160, -1, 0, 100, 239, 240, 3000);
  const sample = {
    width: 4,
    height: 2,
    scale: 1,
    offset: 0,
    low: -160,
    high: 240,
    outside: -160,
    gain: 1,
    shift: 0,
    noise: 0,
    seed: 0,
    transform: [1, 0, 0, 0, 1, 0] as const,
    supersample: 1,
  };
  const arrays = {
    pixels: new Uint32Array(values.buffer),
    samples: packSamples([sample]),
    image: new Float32Array(8),
  };
  const kernel = sliceSampler({ batch: 1, height: 2, width: 4, slotPixels: 8 });
  const { image } = await runKernel(device, kernel, arrays, ["image"]);
  expect([...image]).toEqual([-160, -160, -1, 0, 100, 239, 240, 240]);
});
