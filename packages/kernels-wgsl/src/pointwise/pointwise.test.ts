import { describe, expect, test } from "vitest";
import { channelStatistics } from "../channel-statistics/channel-statistics.js";
import { imageSize } from "../shared/kernel.js";
import { pasteSlots } from "../shared/slots.js";
import { momentsSlot, sumsSlot } from "../shared/statistics.js";
import { expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { pointwise } from "./pointwise.js";

const shapes = [
  { why: "a single element", batch: 1, channels: 1, height: 1, width: 1 },
  { why: "no size a multiple of the workgroup", batch: 2, channels: 3, height: 7, width: 9 },
  { why: "height 1, several chunks a channel", batch: 3, channels: 2, height: 1, width: 301 },
  { why: "a flat vector", batch: 1, channels: 1, height: 1, width: 5000 },
  { why: "more channels than workgroups fit one dimension", batch: 1, channels: 70_000, height: 1, width: 1 },
];

describe.each(shapes)("pointwise: $why", (shape) => {
  const input = randomArray(imageSize(shape), 3);

  test("copies what it reads, and the load slot can be any expression", async () => {
    const kernel = pointwise(shape);
    const arrays = { input, output: new Float32Array(input.length) };
    const { output } = await runKernel(await testDevice(), kernel, arrays, ["output"]);
    expect(output).toEqual(input);
    const source = pasteSlots(kernel.source, [
      {
        bindings: [],
        definitions: {
          loadInput:
            "fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 { return 2.0 * f32(input[channel.base + pixel]); }",
        },
      },
    ]);
    const doubled = await runKernel(await testDevice(), { ...kernel, source }, arrays, ["output"]);
    expect(doubled.output).toEqual(input.map((value) => 2 * value));
  });

  test.each(["pointwise", "channel-statistics"])("%s sums by channel, twice to the same bits", async (name) => {
    const device = await testDevice();
    const kernel = name === "pointwise" ? pointwise(shape) : channelStatistics(shape);
    const partials = kernel.statistics?.partials ?? 0;
    const run = async (slot: typeof momentsSlot) => {
      const arrays = {
        input,
        statistics: new Float32Array(partials * shape.channels * 4),
        ...(name === "pointwise" ? { output: new Float32Array(input.length) } : {}),
      };
      const source = pasteSlots(kernel.source, [slot]);
      return (await runKernel(device, { ...kernel, source }, arrays, ["statistics"])).statistics;
    };
    const moments = await run(momentsSlot);
    const sums = await run(sumsSlot("value * value"));
    const plane = shape.height * shape.width;
    const expected = { count: [] as number[], sum: [] as number[], squares: [] as number[], distances: [] as number[] };
    for (let c = 0; c < shape.channels; c++) {
      const values = Array.from(input).filter(
        (_, i) => Math.floor(i / plane) % shape.channels === c || shape.channels === 1,
      );
      if (c < 3 || shape.channels < 100) {
        const mean = values.reduce((total, value) => total + value, 0) / values.length;
        expected.count.push(values.length);
        expected.sum.push(mean * values.length);
        expected.squares.push(values.reduce((total, value) => total + value ** 2, 0));
        expected.distances.push(values.reduce((total, value) => total + (value - mean) ** 2, 0));
      } else break;
    }
    const column = (statistics: ArrayLike<number>, k: number): number[] =>
      expected.count.map((_, c) => {
        let total = 0;
        for (let p = 0; p < partials; p++) total += statistics[(p * shape.channels + c) * 4 + k] as number;
        return total;
      });
    expectClose("count", column(moments, 0), expected.count, 0);
    expectClose("sum", column(moments, 1), expected.sum);
    expectClose("sum of squares", column(sums, 2), expected.squares);
    // Partials have means of their own: what is between them is missing from their distances.
    if (partials === 1) expectClose("squared distances", column(moments, 2), expected.distances);
    expect(await run(momentsSlot)).toEqual(moments);
  });
});
