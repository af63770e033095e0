import { beforeAll, describe, expect, test } from "vitest";
import { expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { sumPartialsCases } from "./sum-partials.cases.js";
import { sumPartials } from "./sum-partials.js";
import { sumPartialsReference } from "./sum-partials.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

test("reference, by hand", () => {
  const segment = { partialOffset: 1, partialStride: 3, elementStride: 2, outputOffset: 1, length: 2, count: 2 };
  expect([...sumPartialsReference([0, 1, 2, 3, 4, 5, 6], [segment], new Float64Array(3))]).toEqual([0, 5, 9]);
});

const reductions = ["parallel", "serial"] as const;

test.each(reductions)("no segments: a kernel that writes nothing, %s", async (reduction) => {
  const { table, ...kernel } = sumPartials([], reduction);
  const arrays = { partials: new Float32Array(4), table, output: Float32Array.of(3, 4) };
  const { output } = await runKernel(device, kernel, arrays, ["output"]);
  expect([...output]).toEqual([3, 4]);
});

describe.each(sumPartialsCases)("$why", ({ segments }) => {
  test.each(reductions)("output, and the same bits twice, %s", async (reduction) => {
    const { table, ...kernel } = sumPartials(segments, reduction);
    const end = Math.max(
      ...segments.map((s) => s.partialOffset + Math.max(s.count - 1, 0) * s.partialStride + s.length * s.elementStride),
    );
    const partials = randomArray(end, 1);
    const length = Math.max(...segments.map((s) => s.outputOffset + s.length)) + 3;
    const arrays = { partials, table, output: new Float32Array(length).fill(-1) };
    const { output } = await runKernel(device, kernel, arrays, ["output"]);
    expectClose("sumPartials", output, sumPartialsReference(partials, segments, new Float64Array(length).fill(-1)));
    expect((await runKernel(device, kernel, arrays, ["output"])).output).toEqual(output);
  });
});
