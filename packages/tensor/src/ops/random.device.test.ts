import { philox4x32 } from "@lobule/kernels-wgsl";
import { describe, expect, test } from "vitest";
import { compile } from "../compiler/program.js";
import { constant } from "../graph/apply.js";
import type { Tensor } from "../graph/tensor.js";
import { gradients } from "../ops/gradients.js";
import { testDevice } from "../testing/device.js";
import { multiply } from "./pointwise.js";
import { randomNormal, randomUniform } from "./random.js";
import { sum } from "./sum.js";

describe("random numbers", () => {
  test("uniform ones are the host's bit for bit", async () => {
    const device = await testDevice();
    const { x } = await device.evaluate({ x: randomUniform([1, 3, 2, 3], { seed: [7, 1, 2] }) });
    const expected = Array.from({ length: 18 }, (_, i) => {
      const words = philox4x32([Math.floor(i / 4), 0, 2, 0], [7, 1]);
      return ((words[i % 4] as number) >>> 8) * 2 ** -24;
    });
    expect([...x]).toEqual(expected);
  });

  test("the same seed gives the same bytes, another word of it others; range, mean and deviation are kept", async () => {
    const device = await testDevice();
    const draw = (seed: readonly number[]) =>
      device.evaluate({
        uniform: randomUniform([4000], { seed, low: -3, high: -1 }),
        normal: randomNormal([4000], { seed, mean: 5, deviation: 0.5 }),
      });
    const first = await draw([1, 2, 3, 4]);
    expect(await draw([1, 2, 3, 4])).toEqual(first);
    for (const seed of [
      [2, 2, 3, 4],
      [1, 3, 3, 4],
      [1, 2, 4, 4],
      [1, 2, 3, 5],
    ]) {
      const other = await draw(seed);
      expect(other.uniform.filter((value, i) => value === first.uniform[i]).length).toBeLessThan(5);
    }
    expect(Math.min(...first.uniform)).toBeGreaterThanOrEqual(-3);
    expect(Math.max(...first.uniform)).toBeLessThan(-1);
    const normal = Float64Array.from(first.normal);
    const mean = normal.reduce((total, value) => total + value, 0) / 4000;
    const variance = normal.reduce((total, value) => total + (value - mean) ** 2, 0) / 4000;
    // Four standard errors of the mean and of the variance.
    expect(Math.abs(mean - 5)).toBeLessThan((4 * 0.5) / Math.sqrt(4000));
    expect(Math.abs(variance - 0.25)).toBeLessThan(4 * 0.25 * Math.sqrt(2 / 4000));
  });

  test("a program whose seed is an input draws fresh numbers at every run", async () => {
    const program = compile({
      inputs: { seed: { shape: [4], dtype: "u32" } },
      build: ({ seed }) => ({ outputs: { x: randomNormal([100], { seed }) } }),
    });
    const loaded = await program.load(await testDevice());
    const run = async (...seed: number[]) => {
      await loaded.run({ seed: Uint32Array.from(seed) });
      return [...(await loaded.read("x"))];
    };
    const first = await run(3, 0, 1, 0);
    expect(await run(3, 0, 2, 0)).not.toEqual(first);
    expect(await run(3, 0, 1, 0)).toEqual(first);
    loaded.destroy();
  });

  test("gradients flow past them: the derivative of Σ x·noise is the noise", async () => {
    const device = await testDevice();
    const x = constant([1, 2, 3], [3]);
    const noise = randomUniform([3], { seed: [5] });
    const [gradient] = gradients(sum(multiply(x, noise)), [x]) as [Tensor];
    const got = await device.evaluate({ gradient, noise });
    expect(got.gradient).toEqual(got.noise);
  });

  test("what is no seed or no range is refused", () => {
    expect(() => randomUniform([2], { seed: [-1] })).toThrow("at most four whole numbers below 2³², got -1");
    expect(() => randomUniform([2], { seed: [1, 2, 3, 4, 5] })).toThrow(RangeError);
    const three = constant([1, 2, 3], [3], "u32");
    // @ts-expect-error What the type forbids is refused at run time too.
    expect(() => randomNormal([2], { seed: three })).toThrow("the seed must be u32 of shape [4], got u32 [3]");
    expect(() => randomUniform([2], { seed: [1], low: 1, high: 1 })).toThrow("low must be below high, got 1 and 1");
    expect(() => randomNormal([2], { seed: [1], deviation: -1 })).toThrow(RangeError);
  });
});
