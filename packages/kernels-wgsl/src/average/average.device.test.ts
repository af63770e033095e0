import { beforeAll, describe, expect, test } from "vitest";
import { expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { averageCases } from "./average.cases.js";
import { average } from "./average.js";
import { averageReference } from "./average.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

const run = async (averages: Float32Array, values: Float32Array, share: number): Promise<Float32Array> => {
  const arrays = { averages, values, share: Float32Array.of(share) };
  return (await runKernel(device, average(values.length), arrays, ["averages"])).averages as Float32Array;
};

test("reference, by hand", () => {
  expect([...averageReference([1, 2], [5, 10], 0.25)]).toEqual([2, 4]);
  expect([...averageReference([Number.NaN], [5], 1)]).toEqual([5]);
});

describe.each(averageCases)("$length: $why", ({ length, share }) => {
  test("the averages, and the same bits twice", async () => {
    const [averages, values] = [randomArray(length, 1), randomArray(length, 2)];
    const after = await run(averages, values, share);
    expectClose("averages", after, averageReference(averages, values, share), 1e-6);
    expect(await run(averages, values, share)).toEqual(after);
  });
});

test("a share of 1 gives the values to the bit, of 0 the averages", async () => {
  const [averages, values] = [randomArray(70, 1), randomArray(70, 2)];
  expect(await run(averages, values, 1)).toEqual(values);
  expect(await run(averages, values, 0)).toEqual(averages);
});
