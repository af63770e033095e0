import { beforeAll, describe, expect, test } from "vitest";
import type { ImageShape } from "../contract/kernel.js";
import { labelMapCases } from "../label-map/label-map.cases.js";
import { packLabelFields } from "../label-map/label-map.js";
import { expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { entropyMap } from "./entropy-map.js";
import { entropyMapReference } from "./entropy-map.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

/** Numbers that sum to 1 over the channels of each pixel, some of them 0. */
function probabilitiesOf({ batch, channels, height, width }: ImageShape): Float32Array<ArrayBuffer> {
  const plane = height * width;
  const values = randomArray(batch * channels * plane, 5).map((value) => Math.max(value, 0));
  for (let n = 0; n < batch; n++)
    for (let pixel = 0; pixel < plane; pixel++) {
      const at = (c: number): number => (n * channels + c) * plane + pixel;
      values[at(0)] = (values[at(0)] ?? 0) + 0.01;
      const sum = Array.from({ length: channels }, (_, c) => values[at(c)] ?? 0).reduce((a, b) => a + b);
      for (let c = 0; c < channels; c++) values[at(c)] = (values[at(c)] ?? 0) / sum;
    }
  return values;
}

test("reference, by hand: sure on the left, torn between two classes on the right", () => {
  const shape = { batch: 1, channels: 2, height: 1, width: 2 };
  const field = { width: 2, height: 1, transform: [1, 0, 0, 0, 1, 0] as const };
  const [entropy] = entropyMapReference([1, 0.5, 0, 0.5], [field], shape);
  expectClose("by hand", entropy ?? [], [0, Math.log(2)], 1e-12);
});

// The fields are those of labels, which are found in the same way.
describe.each(labelMapCases)("$why", ({ shape, fields }) => {
  test("every pixel, and the same bits twice", async () => {
    const slotPixels = 4 * Math.ceil(Math.max(...fields.map(({ width, height }) => width * height)) / 4);
    const input = probabilitiesOf(shape);
    const arrays = {
      input,
      fields: packLabelFields(fields),
      entropy: new Float32Array(shape.batch * slotPixels).fill(Number.NaN),
    };
    const { entropy } = await runKernel(device, entropyMap(shape, slotPixels), arrays, ["entropy"]);
    entropyMapReference(input, fields, shape).forEach((expected, n) => {
      expectClose("entropy", entropy.slice(n * slotPixels, n * slotPixels + expected.length), expected);
      expect(entropy.slice(n * slotPixels + expected.length, (n + 1) * slotPixels).every((value) => value === 0)).toBe(
        true,
      );
    });
    expect((await runKernel(device, entropyMap(shape, slotPixels), arrays, ["entropy"])).entropy).toEqual(entropy);
  });
});
