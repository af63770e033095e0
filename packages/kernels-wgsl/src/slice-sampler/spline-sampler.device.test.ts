import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { sliceSamplerCases } from "./slice-sampler.cases.js";
import { packSamples, type SliceSample } from "./slice-sampler.js";
import { splineCoefficients, splineSampler } from "./spline-sampler.js";
import { splineSamplerReference } from "./spline-sampler.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

interface Extents {
  readonly height: number;
  readonly width: number;
}

/** Images by the four kernels, one after another. */
async function sampled(stored: Int16Array<ArrayBuffer>, list: readonly SliceSample[], { height, width }: Extents) {
  const coefficientPixels = Math.max(...list.map((each) => splineCoefficients(each.width, each.height)));
  const shape = { batch: list.length, height, width, slotPixels: stored.length / list.length, coefficientPixels };
  const kernels = splineSampler(shape);
  const [pixels, samples] = [new Uint32Array(stored.buffer), packSamples(list)];
  const empty = (length: number): Float32Array<ArrayBuffer> => new Float32Array(length).fill(Number.NaN);
  const made = empty(list.length * coefficientPixels);
  const { rows } = await runKernel(device, kernels.rows, { pixels, samples, rows: made }, ["rows"]);
  const { coefficients } = await runKernel(device, kernels.columns, { rows, samples, coefficients: made }, [
    "coefficients",
  ]);
  const { ranges } = await runKernel(device, kernels.range, { pixels, samples, ranges: empty(2 * list.length) }, [
    "ranges",
  ]);
  const arrays = { coefficients, ranges, samples, image: empty(list.length * height * width) };
  return (await runKernel(device, kernels.image, arrays, ["image"])).image;
}

const withoutNoise = sliceSamplerCases.filter(({ samples }) => samples.every(({ noise }) => noise === 0));

describe.each(withoutNoise)("$why", ({ samples, ...extents }) => {
  test("image, and the same bits twice", async () => {
    const slotPixels = 4 * Math.ceil(Math.max(...samples.map((each) => each.width * each.height)) / 4);
    const stored = Int16Array.from(randomArray(samples.length * slotPixels, 3, 700));
    const slices = samples.map((_, n) => stored.subarray(n * slotPixels, (n + 1) * slotPixels));
    const image = await sampled(stored, samples, extents);
    expectClose("image", image, splineSamplerReference(slices, samples, extents));
    expect(await sampled(stored, samples, extents)).toEqual(image);
  });
});

interface Oracle extends Extents {
  readonly image: readonly number[];
  readonly cases: readonly (Extents & { readonly result: readonly number[] })[];
}

test("resizing is what SciPy computes, as nnU-Net calls it", async () => {
  const file = new URL("../../../../tools/oracle/fixtures/splines.json", import.meta.url);
  const { height, width, image, cases }: Oracle = JSON.parse(await readFile(file, "utf8"));
  const stored = new Int16Array(4 * Math.ceil(image.length / 4));
  stored.set(image);
  for (const { result, ...extents } of cases) {
    const sample: SliceSample = {
      ...{ width, height, scale: 1, offset: 0, low: -1000, high: 1000, outside: 0, gain: 1, shift: 0 },
      ...{ transform: [width / extents.width, 0, 0, 0, height / extents.height, 0], supersample: 1, noise: 0, seed: 0 },
    };
    expectClose(`${extents.width}×${extents.height}`, await sampled(stored, [sample], extents), result);
    expectClose("reference", splineSamplerReference([stored], [sample], extents), result, 1e-8);
  }
});
