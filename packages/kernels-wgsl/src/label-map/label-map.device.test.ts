import { beforeAll, describe, expect, test } from "vitest";
import { imageSize } from "../contract/kernel.js";
import { randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { labelMapCases } from "./label-map.cases.js";
import { labelMap, packLabelFields } from "./label-map.js";
import { labelMapReference } from "./label-map.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

test("reference, by hand: the border between two classes moves with the scores", () => {
  const shape = { batch: 1, channels: 2, height: 1, width: 2 };
  const field = { width: 4, height: 1, transform: [0.5, 0, 0, 0, 1, 0] as const };
  // class 0 falls from 3 to 0, class 1 is 1 everywhere: equal at 2/3 of the way between the two centers
  expect([...(labelMapReference([3, 0, 1, 1], [field], shape)[0] ?? [])]).toEqual([0, 0, 1, 1]);
});

describe.each(labelMapCases)("$why", ({ shape, fields }) => {
  test("every label, and the same bits twice", async () => {
    const slotPixels = 4 * Math.ceil(Math.max(...fields.map(({ width, height }) => width * height)) / 4);
    const scores = randomArray(imageSize(shape), 5);
    const arrays = {
      scores,
      fields: packLabelFields(fields),
      labels: new Uint32Array((shape.batch * slotPixels) / 4).fill(0xffffffff),
    };
    const { labels } = await runKernel(device, labelMap(shape, slotPixels), arrays, ["labels"]);
    const bytes = new Uint8Array(labels.buffer);
    labelMapReference(scores, fields, shape).forEach((expected, n) => {
      expect(bytes.slice(n * slotPixels, n * slotPixels + expected.length)).toEqual(expected);
      expect(bytes.slice(n * slotPixels + expected.length, (n + 1) * slotPixels).every((label) => label === 0)).toBe(
        true,
      );
    });
    expect((await runKernel(device, labelMap(shape, slotPixels), arrays, ["labels"])).labels).toEqual(labels);
  });
});
