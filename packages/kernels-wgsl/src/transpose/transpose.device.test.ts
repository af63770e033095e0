import { beforeAll, expect, test } from "vitest";
import { fromHalf, toHalf } from "../contract/half.js";
import { randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { withStorageType } from "../transforms/wgsl-text.js";
import { type TransposeProblem, transpose } from "./transpose.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

const expected = (input: ArrayLike<number>, { matrices, rows, columns }: TransposeProblem): number[] => {
  const output: number[] = [];
  for (let m = 0; m < matrices; m++) {
    for (let column = 0; column < columns; column++) {
      for (let row = 0; row < rows; row++) output.push(input[(m * rows + row) * columns + column] as number);
    }
  }
  return output;
};

test.each([
  { why: "one element", matrices: 1, rows: 1, columns: 1 },
  { why: "a row", matrices: 2, rows: 1, columns: 67 },
  { why: "a column", matrices: 3, rows: 65, columns: 1 },
  { why: "no multiple of a block", matrices: 3, rows: 5, columns: 9 },
])("$why", async (problem) => {
  const input = randomArray(problem.matrices * problem.rows * problem.columns, 1);
  const arrays = { input, output: new Float32Array(input.length).fill(Number.NaN) };
  const { output } = await runKernel(device, transpose(problem), arrays, ["output"]);
  expect([...output]).toEqual(expected(input, problem));
  expect((await runKernel(device, transpose(problem), arrays, ["output"])).output).toEqual(output);
});

test("f16 storage", async (context) => {
  if (!device.features.has("shader-f16")) return context.skip("adapter lacks shader-f16");
  const problem = { matrices: 2, rows: 3, columns: 5 };
  const input = toHalf(randomArray(30, 2));
  const kernel = transpose(problem);
  const half = { ...kernel, source: withStorageType(kernel.source, "f16") };
  const { output } = await runKernel(device, half, { input, output: new Uint16Array(30) }, ["output"]);
  expect([...fromHalf(output)]).toEqual(expected(fromHalf(input), problem));
});
