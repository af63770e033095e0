import type { TestContext } from "vitest";
import { fromHalf, toHalf } from "../contract/half.js";
import { type ImageShape, imageSize, type Reduction } from "../contract/kernel.js";
import { replaceSlots } from "../transforms/slots.js";
import { momentsSlot, partialsPerWorkgroup, sumsSlot } from "../transforms/statistics.js";
import { hasFunction, withStorageType } from "../transforms/wgsl-text.js";
import { directionalDerivative, expectClose, randomArray } from "./close.js";
import type { Run } from "./convolution-family.js";
import { hasSubgroupsOfEight } from "./device.js";
import { type HostArray, runKernel } from "./runner.js";

/** Runs a kernel on a result full of NaN, so that what it leaves out shows, and adds its partial sums up. */
export async function runLinear(device: GPUDevice, { kernel, arrays, length }: Run): Promise<Float64Array> {
  const name = kernel.partials === undefined ? "output" : "partials";
  const empty = new Float32Array(length * (kernel.partials ?? 1)).fill(Number.NaN);
  const result = (await runKernel(device, kernel, { ...arrays, [name]: empty }, [name]))[name] as Float32Array;
  const sum = new Float64Array(length);
  result.forEach((value, i) => {
    sum[i % length] = (sum[i % length] as number) + value;
  });
  return sum;
}

/** Runs a kernel twice. @throws Error where the results differ in a bit. */
async function runTwice(device: GPUDevice, run: Run): Promise<Float64Array> {
  const first = await runLinear(device, run);
  const second = await runLinear(device, run);
  if (first.some((value, i) => value !== second[i])) throw new Error(`${run.what}: two runs differ`);
  return first;
}

/** Checks a kernel against its reference, and that a second run gives the same bits. */
export async function checkRun(device: GPUDevice, run: Run, reference: ArrayLike<number>): Promise<void> {
  expectClose(run.what, await runTwice(device, run), reference);
}

/**
 * Checks a gradient against central differences of `loss` at `point`, element by element when there are few, else along
 * random directions, and that a second run gives the same bits.
 */
export async function checkGradient(
  device: GPUDevice,
  run: Run,
  loss: (point: Float64Array) => number,
  point: Float32Array,
): Promise<void> {
  const gradient = await runTwice(device, run);
  const at = Float64Array.from(point);
  if (point.length <= 64) {
    const expected = at.map((_, i) => {
      const direction = new Float64Array(at.length);
      direction[i] = 1;
      return directionalDerivative(loss, at, direction);
    });
    expectClose(run.what, gradient, expected);
    return;
  }
  const norm = Math.hypot(...gradient);
  for (let seed = 1; seed <= 4; seed++) {
    const direction = Float64Array.from(randomArray(at.length, 900 + seed));
    const expected = directionalDerivative(loss, at, direction);
    const got = gradient.reduce((sum, value, i) => sum + value * (direction[i] as number), 0);
    const error = Math.abs(got - expected) / (norm * Math.hypot(...direction));
    if (!(error <= 1e-5)) throw new Error(`${run.what}: derivative ${got}, central difference ${expected}`);
  }
}

type StatisticsSlot = "moments" | "sums";

/** Every way to sum by both slots. */
const allStatistics = {
  parallel: ["moments", "sums"],
  serial: ["moments", "sums"],
  subgroup: ["moments", "sums"],
} as const;

/**
 * Every way to sum and both slots, but not each by each, since every pair is a text of its own to compile: ways and slots
 * are texts of `transforms/statistics.ts` that know nothing of the kernel, which calls them alike.
 */
export const pairedStatistics = { parallel: ["moments"], serial: ["sums"], subgroup: ["moments"] } as const;

/**
 * Checks the sums by channel of the statistics slots against the output that the kernel wrote, for every reduction. What
 * the adapter cannot run is noted at the test.
 */
export async function checkStatistics(
  test: TestContext,
  device: GPUDevice,
  run: Run,
  shape: ImageShape,
  slots: Readonly<Record<Reduction, readonly StatisticsSlot[]>> = allStatistics,
): Promise<void> {
  const eight = await hasSubgroupsOfEight();
  const only = run.kernel.statistics?.only;
  for (const reduction of ["parallel", "serial", "subgroup"] as const) {
    if (only !== undefined && reduction !== only) continue;
    if (reduction === "subgroup" && !eight) await test.annotate("adapter has no subgroups of 8", "not-checked");
    else for (const slot of slots[reduction]) await checkStatisticsBy(reduction, slot, device, run, shape);
  }
}

async function checkStatisticsBy(
  reduction: Reduction,
  slot: StatisticsSlot,
  device: GPUDevice,
  run: Run,
  shape: ImageShape,
): Promise<void> {
  const partials = (run.kernel.statistics?.partials ?? 0) * partialsPerWorkgroup(reduction);
  const { batch, channels } = shape;
  const pixels = imageSize(shape) / batch / channels;
  const quads = hasFunction(run.kernel.source, "addQuadToStatistics");
  const inlined = slot === "moments" ? momentsSlot(reduction, quads) : sumsSlot("value * 2.0", reduction, "", quads);
  const kernel = { ...run.kernel, source: replaceSlots(run.kernel.source, [inlined]) };
  const empty = {
    output: new Float32Array(run.length),
    statistics: new Float32Array(partials * channels * 4).fill(Number.NaN),
  };
  const results = await runKernel(device, kernel, { ...run.arrays, ...empty }, ["output", "statistics"]);
  const got: number[] = [];
  const expected: number[] = [];
  for (let c = 0; c < channels; c++) {
    const values = new Float64Array(batch * pixels);
    for (let n = 0; n < batch; n++) {
      const first = (n * channels + c) * pixels;
      values.set(results.output.subarray(first, first + pixels), n * pixels);
    }
    const sum = values.reduce((total, value) => total + value, 0);
    const mean = sum / values.length;
    const squares = values.reduce((total, value) => total + (value - mean) ** 2, 0);
    const size = values.reduce((total, value) => total + Math.abs(value), 1e-30);
    expected.push(1, sum / size, slot === "moments" ? 1 : (2 * sum) / size);
    let [count, total, second] = [0, 0, 0];
    for (let partial = 0; partial < partials; partial++) {
      const at = (partial * channels + c) * 4;
      const [partCount, partFirst, partSecond] = [...results.statistics.subarray(at, at + 3)] as [
        number,
        number,
        number,
      ];
      const moments = slot === "moments";
      count += partCount;
      total += moments ? partCount * partFirst : partFirst;
      second += partSecond + (moments ? partCount * (partFirst - mean) ** 2 : 0);
    }
    const scale = slot === "sums" ? size : squares;
    got.push(count / values.length, total / size, scale < 1e-12 ? 1 : second / scale);
  }
  expectClose(`${run.what}, ${slot}, ${reduction}`, got, expected);
}

/** Checks a kernel with f16 storage; `storage` names the arrays that it stores so. */
export async function checkHalfStorage(
  device: GPUDevice,
  run: Run,
  storage: readonly string[],
  reference: (rounded: Readonly<Record<string, Float32Array>>) => ArrayLike<number>,
): Promise<void> {
  const kernel = { ...run.kernel, source: withStorageType(run.kernel.source, "f16") };
  const arrays: Record<string, HostArray> = { ...run.arrays };
  const rounded: Record<string, Float32Array> = {};
  for (const name of storage) {
    const bits = toHalf(run.arrays[name] as Float32Array);
    arrays[name] = bits;
    rounded[name] = fromHalf(bits);
  }
  if (kernel.partials !== undefined) {
    expectClose(`${run.what}, f16`, await runLinear(device, { ...run, kernel, arrays }), reference(rounded));
    return;
  }
  const empty = new Uint16Array(run.length).fill(0x7e00); // NaN
  const { output } = await runKernel(device, kernel, { ...arrays, output: empty }, ["output"]);
  expectClose(`${run.what}, f16`, fromHalf(output), reference(rounded), 1e-3);
}
