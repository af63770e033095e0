import { beforeAll, describe, expect, test } from "vitest";
import { fromHalf, toHalf } from "../contract/half.js";
import { imageSize } from "../contract/kernel.js";
import { quadPixels } from "../contract/quads.js";
import { expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { type HostArray, runKernel } from "../testing/runner.js";
import { replaceSlots } from "../transforms/slots.js";
import { momentsSlot, sumsSlot } from "../transforms/statistics.js";
import { withStorageType } from "../transforms/wgsl-text.js";
import { channelStatisticsCases } from "./channel-statistics.cases.js";
import { channelStatistics, channelStatisticsByQuads } from "./channel-statistics.js";
import { type ChannelSums, channelStatisticsReference } from "./channel-statistics.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

test("reference, by hand", () => {
  const shape = { batch: 2, channels: 2, height: 1, width: 1 };
  expect(channelStatisticsReference([1, 5, 3, 5], shape)).toEqual([
    { count: 2, sum: 4, squares: 2 },
    { count: 2, sum: 10, squares: 0 },
  ]);
});

/** Adds partial sums [partials, c] of (count, mean or sum, second, 0) up; moments are merged around the mean of all. */
function addUp(statistics: ArrayLike<number>, channels: number, moments: boolean): ChannelSums[] {
  return Array.from({ length: channels }, (_, c) => {
    let [count, sum, squares] = [0, 0, 0];
    for (let at = 4 * c; at < statistics.length; at += 4 * channels) {
      const n = statistics[at] as number;
      count += n;
      sum += (moments ? n : 1) * (statistics[at + 1] as number);
    }
    for (let at = 4 * c; at < statistics.length; at += 4 * channels) {
      const [n, partial] = [statistics[at] as number, statistics[at + 1] as number];
      squares += (statistics[at + 2] as number) + (moments ? n * (partial - sum / count) ** 2 : 0);
    }
    return { count, sum, squares };
  });
}

test("by quads: a width that is no multiple of 4", () => {
  const shape = { batch: 1, channels: 1, height: 2, width: 6 };
  expect(() => channelStatisticsByQuads(shape)).toThrow("width 6 is no multiple of 4");
});

describe.each(channelStatisticsCases)("$why", ({ shape, mean, deviation, byQuads = false }) => {
  const { channels } = shape;
  const input = randomArray(imageSize(shape), 1, deviation).map((value) => value + mean);
  const kernel = byQuads ? channelStatisticsByQuads(shape) : channelStatistics(shape);

  const run = async (source: string, array: HostArray): Promise<Float32Array> => {
    const empty = new Float32Array((kernel.statistics?.partials ?? 0) * channels * 4).fill(Number.NaN);
    const arrays = { input: array, statistics: empty };
    return (await runKernel(device, { ...kernel, source }, arrays, ["statistics"])).statistics as Float32Array;
  };

  const expectSums = (got: readonly ChannelSums[], expected: readonly ChannelSums[], size: number): void => {
    expect(got.map(({ count }) => count)).toEqual(expected.map(({ count }) => count));
    for (const field of ["sum", "squares"] as const) {
      const ratios = got.map((each, c) => (each[field] - (expected[c] as ChannelSums)[field]) / size);
      expectClose(field, ratios, new Float64Array(channels));
    }
  };

  test("moments, and the same bits twice", async () => {
    const source = replaceSlots(kernel.source, [momentsSlot("parallel", byQuads)]);
    const statistics = await run(source, input);
    const [got, expected] = [addUp(statistics, channels, true), channelStatisticsReference(input, shape)];
    expect(got.map(({ count }) => count)).toEqual(expected.map(({ count }) => count));
    const pick = (sums: readonly ChannelSums[], field: "sum" | "squares") => sums.map((each) => each[field]);
    expectClose("sum", pick(got, "sum"), pick(expected, "sum"));
    expectClose("squares", pick(got, "squares"), pick(expected, "squares"));
    const again = await run(source, input);
    expect(again.findIndex((value, i) => value !== statistics[i])).toBe(-1);
  });

  test("sums of an expression", async () => {
    const statistics = await run(
      replaceSlots(kernel.source, [sumsSlot("value * 2.0", "parallel", "", byQuads)]),
      input,
    );
    const expected = channelStatisticsReference(input, shape).map((each) => ({ ...each, squares: 2 * each.sum }));
    const size = (Math.abs(mean) + deviation) * (expected[0] as ChannelSums).count * Math.sqrt(channels);
    expectSums(addUp(statistics, channels, false), expected, size);
  });

  test("sums see the right coordinates", async () => {
    const { height, width } = shape;
    const second = byQuads
      ? "vec4f(f32(y) + 3.0 * f32(quad) + f32(place) / 64.0)"
      : "f32(y) + 3.0 * f32(x) + f32(pixel) / 64.0";
    const statistics = await run(replaceSlots(kernel.source, [sumsSlot(second, "parallel", "", byQuads)]), input);
    const perRow = byQuads ? width / quadPixels : width;
    let sum = 0;
    for (let place = 0; place < height * perRow; place++) {
      sum += Math.floor(place / perRow) + 3 * (place % perRow) + place / 64;
    }
    const expected = shape.batch * (byQuads ? quadPixels : 1) * sum;
    const ratios = addUp(statistics, channels, false).map(({ squares }) => squares / Math.max(expected, 1));
    expectClose("sums", ratios, Array(channels).fill(expected / Math.max(expected, 1)));
  });

  test("f16 storage", async (context) => {
    if (!device.features.has("shader-f16")) return context.skip("adapter lacks shader-f16");
    const half = toHalf(input);
    const source = withStorageType(replaceSlots(kernel.source, [momentsSlot("parallel", byQuads)]), "f16");
    const got = addUp(await run(source, half), channels, true);
    const expected = channelStatisticsReference(fromHalf(half), shape);
    expectClose(
      "squares",
      got.map(({ squares }) => squares),
      expected.map(({ squares }) => squares),
    );
  });
});
