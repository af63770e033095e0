import { beforeAll, describe, expect, test } from "vitest";
import { fromHalf, halfBits, halfValue, toHalf } from "../contract/half.js";
import type { DType } from "../contract/kernel.js";
import { randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { type HostArray, runKernel } from "../testing/runner.js";
import { convertCases } from "./convert.cases.js";
import { convert } from "./convert.js";
import { convertReference } from "./convert.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

const arrayTypes = { f32: Float32Array, f16: Uint16Array, u32: Uint32Array, i32: Int32Array } as const;
const hostArray = (values: ArrayLike<number>, dtype: DType): HostArray =>
  dtype === "f16" ? toHalf(values) : arrayTypes[dtype].from(values);

test("half floats, by hand", () => {
  const values = [
    0,
    -0,
    1,
    -2,
    65_504,
    65_520,
    2 ** -24,
    2 ** -25,
    1.5 * 2 ** -24,
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
    0.1,
  ];
  const bits = [0, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x7c00, 1, 0, 2, 0x3c00, 0x3c02, 0x2e66];
  expect(values.map(halfBits)).toEqual(bits);
  expect(halfBits(Number.NaN)).toBe(0x7e00);
  expect([0, 0xc000, 0x7bff, 0xfc00, 1, 0x2e66].map(halfValue)).toEqual([
    ...[0, -2, 65_504, Number.NEGATIVE_INFINITY, 2 ** -24, 0.0999755859375],
  ]);
  for (let each = 0; each < 0x7c00; each++) if (halfBits(halfValue(each)) !== each) throw new Error(`half ${each}`);
});

test("reference, by hand", () => {
  expect([...convertReference([-1.5, 1.9, 5e9], "u32")]).toEqual([0, 1, 2 ** 32 - 1]);
  expect([...convertReference([-1.5, 1.9, -5e9], "i32")]).toEqual([-1, 1, -(2 ** 31)]);
});

describe.each(convertCases)("$from → $to, $length: $why", ({ from, to, length }) => {
  test("values", async (context) => {
    const needsHalf = from === "f16" || to === "f16";
    if (needsHalf && !device.features.has("shader-f16")) return context.skip("adapter lacks shader-f16");
    const random = randomArray(length, 1, 50);
    const input = hostArray(from === "u32" ? random.map(Math.abs) : random, from);
    const values = from === "f16" ? fromHalf(input) : input;
    const arrays = { input, output: new arrayTypes[to](length) };
    const { output } = await runKernel(device, convert(length, from, to), arrays, ["output"]);
    expect(output).toEqual(hostArray(convertReference(values, to), to));
  });
});
