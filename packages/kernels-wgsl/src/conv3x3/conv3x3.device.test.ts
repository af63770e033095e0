import { expect, test } from "vitest";
import { testConvolution } from "../testing/convolution-tests.js";
import { conv3x3Family } from "./conv3x3.cases.js";
import { conv3x3 } from "./conv3x3.js";
import { conv3x3Reference } from "./conv3x3.reference.js";

testConvolution(conv3x3Family);

test("the reference on an image of ones: 4 taps see a corner, 6 an edge, 9 the center", () => {
  const shape = { batch: 1, channels: 1, height: 3, width: 3 };
  const ones = new Float64Array(9).fill(1);
  expect([...conv3x3Reference(ones, shape, ones, 1)]).toEqual([4, 6, 4, 6, 9, 6, 4, 6, 4]);
  // The tap above reads the row above.
  expect([...conv3x3Reference([1, 2, 3, 4, 5, 6, 7, 8, 9], shape, [0, 1, 0, 0, 0, 0, 0, 0, 0], 1)]).toEqual([
    0, 0, 0, 1, 2, 3, 4, 5, 6,
  ]);
});

test("without a shortcut nothing of it is left in the text", () => {
  for (const variant of conv3x3Family.variants) {
    const { source } = conv3x3({ input: { batch: 1, channels: 2, height: 4, width: 4 }, outChannels: 3 }, variant);
    expect(source).not.toContain("shortcutWeight");
    expect(source).not.toContain("loadShortcut");
  }
});

test("weights beyond 64 KiB come from storage, still in one launch", () => {
  const image = { batch: 1, channels: 51, height: 4, width: 2 };
  for (const [outChannels, access] of [
    [32, "uniform"],
    [70, "storage, read"],
  ] as const) {
    const { launches, source } = conv3x3({ input: image, outChannels }, "blocked");
    expect(source).toContain(`var<${access}> weight: `);
    expect(launches.map(({ workgroups }) => workgroups)).toEqual([[1, 1, Math.ceil(outChannels / 8)]]);
  }
});
