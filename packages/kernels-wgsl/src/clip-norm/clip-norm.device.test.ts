import { beforeAll, describe, expect, test } from "vitest";
import { expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { clipNormCases } from "./clip-norm.cases.js";
import { clipNorm } from "./clip-norm.js";
import { clipFactorReference } from "./clip-norm.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

const hyper = Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8);

/** The numbers that an optimizer gets. */
async function clipped(gradients: readonly Float32Array[], maxNorm: number, scale?: { factor: number; taken: number }) {
  const lengths = gradients.map(({ length }) => length);
  const { squareSums, finish, partials: count } = clipNorm(lengths, maxNorm, scale !== undefined);
  let partials = new Float32Array(count).fill(Number.NaN);
  for (const [i, kernel] of squareSums.entries()) {
    const arrays = { gradients: gradients[i] as Float32Array, partials };
    partials = (await runKernel(device, kernel, arrays, ["partials"])).partials as Float32Array<ArrayBuffer>;
  }
  const given = scale === undefined ? hyper : Float32Array.of(...hyper, scale.factor, scale.taken);
  const arrays = { partials, hyper: given, clippedHyper: new Float32Array(10) };
  return (await runKernel(device, finish, arrays, ["clippedHyper"])).clippedHyper as Float32Array;
}

test("reference, by hand: 3 and 4 have the norm 5", () => {
  expect(clipFactorReference([[3], [4]], 1)).toBeCloseTo(1 / 5, 6);
  expect(clipFactorReference([[3], [4]], 6)).toBe(1);
});

describe.each(clipNormCases)("$lengths: $why", ({ lengths, maxNorm }) => {
  const gradients = lengths.map((length, i) => randomArray(length, 1 + i));

  test("the factor, the numbers before it, and the same bits twice", async () => {
    const got = await clipped(gradients, maxNorm);
    expect(got.subarray(0, 8)).toEqual(hyper);
    expectClose("factor", got.subarray(8, 9), [clipFactorReference(gradients, maxNorm)], 1e-6);
    expect(got[9]).toBe(1);
    expect(await clipped(gradients, maxNorm)).toEqual(got);
  });

  test("of scaled gradients: the norm is that of the unscaled ones, and the factor unscales too", async () => {
    const scaled = gradients.map((array) => array.map((value) => value * 4096));
    const got = await clipped(scaled, maxNorm, { factor: 1 / 4096, taken: 0 });
    expectClose("factor", got.subarray(8, 9), [clipFactorReference(gradients, maxNorm) / 4096], 1e-6);
    expect(got[9]).toBe(0);
  });
});

test("a factor of exactly 1 where the norm is small, so that nothing is changed", async () => {
  expect((await clipped([Float32Array.of(3, 4)], 5.1))[8]).toBe(1);
});
