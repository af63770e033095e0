import { type Distribution, randomFill } from "@lobule/kernels-wgsl";
import { constant, f32 } from "../graph/apply.js";
import { applyKernel, applyPointwise } from "../graph/named.js";
import type { Tensor } from "../graph/tensor.js";
import { printShape, type Shape, ShapeError, sizeOf } from "../shape.js";

/**
 * What random numbers are drawn under: (seed, purpose, two words of the stream), u32. A tensor that is a program's
 * input gives fresh numbers at every run; numbers that are left out are 0. The same seed gives the same numbers, so two
 * draws that shall differ need seeds that differ: give each its own purpose.
 */
export type RandomSeed = Tensor<readonly [4], "u32"> | readonly number[];

/**
 * Numbers uniform over [low, high), f32; [0, 1) by default. They depend on the seed and the element's place alone:
 * element i is that of philox4x32([⌊i/4⌋, 0, seed₂, seed₃], [seed₀, seed₁]), its upper 24 bits.
 * @throws ShapeError when the seed is no u32 tensor of shape [4]; RangeError when its numbers are no words of 32 bits,
 * or the range is empty.
 * Source: Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
 */
export function randomUniform<const S extends Shape>(
  shape: S,
  { seed, low = 0, high = 1 }: { readonly seed: RandomSeed; readonly low?: number; readonly high?: number },
): Tensor<S, "f32"> {
  if (!(Number.isFinite(low) && Number.isFinite(high) && low < high)) {
    throw new RangeError(`randomUniform: low must be below high, got ${low} and ${high}`);
  }
  return draw("random-uniform", shape, seed, { kind: "uniform", low, high });
}

/**
 * Normal numbers, f32, of mean 0 and deviation 1 by default; made from pairs of {@link randomUniform}'s.
 * @throws ShapeError, RangeError as randomUniform; RangeError when the deviation is negative.
 * Source: Box and Muller 1958.
 */
export function randomNormal<const S extends Shape>(
  shape: S,
  { seed, mean = 0, deviation = 1 }: { readonly seed: RandomSeed; readonly mean?: number; readonly deviation?: number },
): Tensor<S, "f32"> {
  if (!(Number.isFinite(mean) && Number.isFinite(deviation) && deviation >= 0)) {
    throw new RangeError(`randomNormal: mean and deviation must be finite, got ${mean} and ${deviation}`);
  }
  return draw("random-normal", shape, seed, { kind: "normal", mean, deviation });
}

/**
 * 1 with the given probability, else 0, f32: where a number of {@link randomUniform} is below it.
 * @throws ShapeError, RangeError as randomUniform; RangeError when the probability is not within 0 … 1.
 */
export function randomBernoulli<const S extends Shape>(
  shape: S,
  { seed, probability }: { readonly seed: RandomSeed; readonly probability: number },
): Tensor<S, "f32"> {
  if (!(probability >= 0 && probability <= 1)) {
    throw new RangeError(`randomBernoulli: the probability must be from 0 to 1, got ${probability}`);
  }
  const bound = `f32(${Math.fround(probability)})`;
  return applyPointwise({
    name: "bernoulli",
    key: String(probability),
    inputs: { value: randomUniform(shape, { seed }) },
    shape,
    wgsl: ({ value }) => `select(0.0, 1.0, ${value} < ${bound})`,
  });
}

const draw = <const S extends Shape>(
  name: string,
  shape: S,
  seed: RandomSeed,
  distribution: Distribution,
): Tensor<S, "f32"> =>
  applyKernel({
    name,
    key: JSON.stringify(distribution),
    inputs: { key: seedTensor(name, seed) },
    output: f32(shape),
    lower: ({ key }, output, lowering) =>
      lowering.call({ kernel: randomFill(sizeOf(shape), distribution), bindings: { key, output } }),
  });

function seedTensor(name: string, seed: RandomSeed): Tensor {
  if (!("node" in seed)) {
    if (seed.length > 4 || seed.some((word) => !Number.isInteger(word) || word < 0 || word >= 2 ** 32)) {
      throw new RangeError(`${name}: the seed must be at most four whole numbers below 2³², got ${seed.join(", ")}`);
    }
    return constant([...seed, 0, 0, 0, 0].slice(0, 4), [4], "u32");
  }
  if (seed.dtype !== "u32" || printShape(seed.shape) !== "[4]") {
    throw new ShapeError(`${name}: the seed must be u32 of shape [4], got ${seed.dtype} ${printShape(seed.shape)}`);
  }
  return seed;
}
