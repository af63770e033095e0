import { beforeAll, describe, expect, test } from "vitest";
import { fromHalf, toHalf } from "../contract/half.js";
import { imageSize } from "../contract/kernel.js";
import { expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { withStorageType } from "../transforms/wgsl-text.js";
import { patchCases } from "./patches.cases.js";
import { extractPatches, mergePatches, packPatchStarts, packPatchWeights } from "./patches.js";
import { extractPatchesReference, mergePatchesReference } from "./patches.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

/** Rises to the middle of a patch, and is nowhere symmetrical. */
const profile = (place: number, extent: number): number => 0.1 + Math.min(place + 1, extent - place) + place / 7;

test("reference, by hand: two patches of two pixels share the middle one of three", () => {
  const problem = {
    batch: 1,
    channels: 1,
    height: 1,
    width: 3,
    patchHeight: 1,
    patchWidth: 2,
    rows: [0],
    columns: [0, 1],
  };
  expect([...extractPatchesReference([1, 2, 3], problem)]).toEqual([1, 2, 2, 3]);
  // the middle pixel is the second of the first patch, of weight 3, and the first of the second, of weight 1
  const merged = mergePatchesReference([1, 2, 6, 3], problem, (place, extent) => (extent === 2 ? 1 + 2 * place : 1));
  expect([...merged]).toEqual([1, 3, 3]);
});

describe.each(patchCases)("$why", ({ problem }) => {
  const { batch, channels, patchHeight, patchWidth, rows, columns } = problem;
  const elements = batch * rows.length * columns.length * channels * patchHeight * patchWidth;
  const starts = packPatchStarts(problem);
  const weights = packPatchWeights(problem, profile);

  test("extracted, and the same bits twice", async () => {
    const input = randomArray(imageSize(problem), 1);
    const arrays = { input, starts, output: new Float32Array(elements).fill(Number.NaN) };
    const { output } = await runKernel(device, extractPatches(problem), arrays, ["output"]);
    expectClose("output", output, extractPatchesReference(input, problem), 0);
    expect((await runKernel(device, extractPatches(problem), arrays, ["output"])).output).toEqual(output);
  });

  test("merged, and the same bits twice", async () => {
    const input = randomArray(elements, 2);
    const arrays = { input, starts, weights, output: new Float32Array(imageSize(problem)).fill(Number.NaN) };
    const { output } = await runKernel(device, mergePatches(problem), arrays, ["output"]);
    expectClose("output", output, mergePatchesReference(input, problem, profile));
    expect((await runKernel(device, mergePatches(problem), arrays, ["output"])).output).toEqual(output);
  });

  test("f16 storage", async ({ skip }) => {
    skip(!device.features.has("shader-f16"), "adapter lacks shader-f16");
    const half = <Made extends { readonly source: string }>(kernel: Made): Made => ({
      ...kernel,
      source: withStorageType(kernel.source, "f16"),
    });
    const image = toHalf(randomArray(imageSize(problem), 1));
    const extracting = { input: image, starts, output: new Uint16Array(elements) };
    const { output: extracted } = await runKernel(device, half(extractPatches(problem)), extracting, ["output"]);
    expectClose("patches", fromHalf(extracted), extractPatchesReference(fromHalf(image), problem), 0);
    const merging = { input: extracted, starts, weights, output: new Uint16Array(image.length) };
    const { output: merged } = await runKernel(device, half(mergePatches(problem)), merging, ["output"]);
    expectClose("image", fromHalf(merged), mergePatchesReference(fromHalf(extracted), problem, profile), 1e-3);
  });
});
