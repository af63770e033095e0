import { beforeAll, describe, expect, test } from "vitest";
import { fromHalf, toHalf } from "../contract/half.js";
import { KernelDeclarationError } from "../contract/kernel.js";
import type { SoftmaxLossProblem } from "../softmax-loss/softmax-loss.js";
import { directionalDerivative, expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { type HostArray, runKernel } from "../testing/runner.js";
import { withStorageType } from "../transforms/wgsl-text.js";
import { topKLossCases } from "./top-k-loss.cases.js";
import { topKLoss } from "./top-k-loss.js";
import { topKLossReference } from "./top-k-loss.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

const upstream = 0.7;

/** All kernels; the logits are f16 where a Uint16Array holds them. */
async function runLoss(
  problem: SoftmaxLossProblem,
  k: number,
  logits: HostArray,
  labels: Uint32Array<ArrayBuffer>,
  gradLoss = upstream,
) {
  const kernels = topKLoss(problem, k);
  const half = logits instanceof Uint16Array;
  const stored = (kernel: typeof kernels.values) => ({
    ...kernel,
    source: withStorageType(kernel.source, half ? "f16" : "f32"),
  });
  const values = new Float32Array(labels.length).fill(Number.NaN);
  const losses = await runKernel(device, stored(kernels.values), { logits, labels, values }, ["values"]);
  let selection: HostArray = new Uint32Array(kernels.selection).fill(0xffff_ffff);
  for (const { histogram, select } of kernels.digits) {
    const histograms = new Uint32Array(kernels.histograms).fill(0xffff_ffff);
    const counted: { histograms: HostArray } = await runKernel(
      device,
      histogram,
      { ...losses, selection, histograms },
      ["histograms"],
    );
    ({ selection } = await runKernel(device, select, { ...counted, selection }, ["selection"]));
  }
  const partials = new Float32Array(kernels.partials);
  const sums = await runKernel(device, kernels.sum, { ...losses, selection, partials }, ["partials"]);
  const { result } = await runKernel(device, kernels.finish, { ...sums, selection, result: new Float32Array(4) }, [
    "result",
  ]);
  const gradLogits = half ? new Uint16Array(logits.length) : new Float32Array(logits.length).fill(Number.NaN);
  const inputs = { logits, labels, ...losses, result, upstream: Float32Array.of(gradLoss), gradLogits };
  return { result, ...(await runKernel(device, stored(kernels.gradient), inputs, ["gradLogits"])) };
}

const labelsOf = ({ batch, classes, height, width }: SoftmaxLossProblem): Uint32Array<ArrayBuffer> =>
  Uint32Array.from(randomArray(batch * height * width, 2), (value) => Math.floor(Math.abs(value) * 1000) % classes);

test("reference, by hand: the two largest of log 4/3, log 2, log 4", () => {
  const problem = { batch: 1, classes: 2, height: 1, width: 3 };
  const logits = [Math.log(3), 0, Math.log(3), 0, 0, 0];
  expect(topKLossReference(logits, [0, 0, 1], problem, 2)).toBeCloseTo((Math.log(2) + Math.log(4)) / 2, 12);
});

describe.each(topKLossCases)("$why", ({ problem, k, scale }) => {
  const { batch, classes, height, width } = problem;
  const logits = randomArray(batch * classes * height * width, 1, scale);
  const labels = labelsOf(problem);
  const lossOf = (point: ArrayLike<number>) => topKLossReference(point, labels, problem, k);

  test("the mean, and the same bits twice", async () => {
    const got = await runLoss(problem, k, logits, labels);
    expectClose("mean", got.result.subarray(0, 1), [lossOf(logits)]);
    expect(await runLoss(problem, k, logits, labels)).toEqual(got);
  });

  test("gradient", async () => {
    const { gradLogits } = await runLoss(problem, k, logits, labels);
    const point = Float64Array.from(logits);
    if (point.length <= 500) {
      const expected = point.map((_, at) => {
        const direction = new Float64Array(point.length);
        direction[at] = upstream;
        return directionalDerivative(lossOf, point, direction, 1e-7);
      });
      expectClose("gradLogits", gradLogits, expected, 2e-5);
    } else {
      const direction = Float64Array.from(randomArray(point.length, 5));
      const expected = upstream * directionalDerivative(lossOf, point, direction, 1e-7);
      const along = direction.reduce((sum, value, i) => sum + value * (gradLogits[i] as number), 0);
      expect(Math.abs(along - expected)).toBeLessThan(1e-5 * Math.hypot(...gradLogits) * Math.hypot(...direction));
    }
  });

  test("f16 storage", async (context) => {
    if (!device.features.has("shader-f16")) return context.skip("adapter lacks shader-f16");
    const half = toHalf(logits);
    const gotHalf = await runLoss(problem, k, half, labels, 2 ** 10);
    const got = await runLoss(problem, k, fromHalf(half), labels, 2 ** 10);
    expect(gotHalf.result).toEqual(got.result);
    if (gotHalf.gradLogits instanceof Uint16Array) {
      expectClose("gradLogits", fromHalf(gotHalf.gradLogits), got.gradLogits, 1e-3);
    }
  });
});

test("pixels of equal loss share what is left of k", async () => {
  const problem = { batch: 1, classes: 2, height: 1, width: 4 };
  // Losses log 2, log 2, log 2 and log 4: of the two largest one is any of three.
  const logits = Float32Array.of(0, 0, 0, 0, 0, 0, 0, Math.log(3));
  const { result, gradLogits } = await runLoss(problem, 2, logits, Uint32Array.of(0, 0, 0, 0));
  expect(result[0]).toBeCloseTo((Math.log(2) + Math.log(4)) / 2, 6);
  const share = upstream / 2 / 3 / 2;
  expectClose("gradient", gradLogits, [
    -share,
    -share,
    -share,
    (-3 * upstream) / 8,
    share,
    share,
    share,
    (3 * upstream) / 8,
  ]);
});

test("a label that is no class has no loss, and a loss that is no number is not lost", async () => {
  const problem = { batch: 1, classes: 2, height: 1, width: 3 };
  const labels = Uint32Array.of(0, 255, 1);
  const logits = Float32Array.of(0, 50, 0, 0, -50, 0);
  const { result, gradLogits } = await runLoss(problem, 3, logits, labels);
  expect(result[0]).toBeCloseTo((2 * Math.log(2)) / 3, 6);
  expect([gradLogits[1], gradLogits[4]]).toEqual([0, 0]);
  logits[0] = Number.NaN;
  expect((await runLoss(problem, 1, logits, labels)).result[0]).toBeNaN();
});

test("too many classes, and more values than there are", () => {
  const problem = { batch: 1, classes: 17, height: 1, width: 1 };
  expect(() => topKLoss(problem, 1)).toThrow(KernelDeclarationError);
  expect(() => topKLoss({ ...problem, classes: 3 }, 2)).toThrow("the 2 largest, whole numbers from 1 to 1");
});
