import { fromHalf, toHalf } from "@lobule/kernels-wgsl";
import { describe, expect, test } from "vitest";
import { constant } from "../graph/apply.js";
import type { Tensor } from "../graph/tensor.js";
import { gradients } from "../ops/gradients.js";
import { testDevice } from "../testing/device.js";
import { castTo } from "./cast.js";
import { reshape } from "./channels.js";
import { multiply, scale } from "./pointwise.js";
import { sum } from "./sum.js";

describe("castTo", () => {
  test("to integers goes toward zero and stays in range, back to f32 changes nothing", async () => {
    const device = await testDevice();
    const x = constant([-1.5, 0.9, 2.5, 5e9, -5e9], [5]);
    const [u32, i32] = [castTo(x, "u32"), castTo(x, "i32")];
    const got = await device.evaluate({ u32, i32, back: castTo(u32, "f32"), signed: castTo(i32, "u32") });
    // WGSL lets the end of the range be the last number that f32 holds, 2³² − 256 or 2³¹ − 128.
    expect([...got.u32].map((value) => (value >= 2 ** 32 - 256 ? "top" : value))).toEqual([0, 0, 2, "top", 0]);
    expect([...got.i32].map((value) => (value >= 2 ** 31 - 128 ? "top" : value))).toEqual([
      -1,
      0,
      2,
      "top",
      -(2 ** 31),
    ]);
    expect(got.back).toEqual(Float32Array.from(got.u32));
    expect(got.signed.slice(0, 3)).toEqual(Uint32Array.of(2 ** 32 - 1, 0, 2));
    expect(castTo(x, "f32")).toBe(x);
  });

  test("a reshape keeps the type", async () => {
    const labels = reshape(castTo(constant([1, 2, 3, 4], [4]), "u32"), [2, 2]);
    expect(labels.dtype).toBe("u32");
    expect((await (await testDevice()).evaluate({ labels })).labels).toEqual(Uint32Array.of(1, 2, 3, 4));
  });

  test("to f16 rounds to nearest, in memory of an odd count, and reads back", async (context) => {
    const device = await testDevice();
    if (!device.hasF16) return context.skip("adapter lacks shader-f16");
    const values = Array.from({ length: 77 }, (_, i) => Math.sin(i * 1.7) * 10 ** ((i % 9) - 5));
    const x = constant(values, [77]);
    const half = castTo(x, "f16");
    const got = await device.evaluate({ half, twice: scale(half, 2) });
    const rounded = fromHalf(toHalf(values));
    expect(got.half).toEqual(rounded);
    expect(got.twice).toEqual(rounded.map((value) => 2 * value));
  });

  test("the gradient is rounded to the source's type", async (context) => {
    const device = await testDevice();
    if (!device.hasF16) return context.skip("adapter lacks shader-f16");
    const x = constant([1, 2, 3], [3]);
    const weights = constant([0.1, -0.2, 0.3], [3]);
    const half = castTo(x, "f16");
    const loss = sum(multiply(castTo(half, "f32"), weights));
    const [gradX, gradHalf] = gradients(loss, [x, half]) as [Tensor, Tensor];
    expect([gradX.dtype, gradHalf.dtype]).toEqual(["f32", "f16"]);
    const got = await device.evaluate({ gradX, gradHalf });
    expect(got.gradHalf).toEqual(fromHalf(toHalf([0.1, -0.2, 0.3])));
    expect(got.gradX).toEqual(got.gradHalf);
  });

  test("no gradient goes through an integer", () => {
    const x = constant([1, 2, 3], [3]);
    expect(() => gradients(sum(castTo(castTo(x, "i32"), "f32")), [x])).toThrow(
      /through cast to f32, which has no gradient/,
    );
  });
});
