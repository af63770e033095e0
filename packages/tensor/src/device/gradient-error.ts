import { constant } from "../graph/apply.js";
import type { Tensor } from "../graph/tensor.js";
import { gradients } from "../ops/gradients.js";
import { multiply } from "../ops/pointwise.js";
import { sum } from "../ops/sum.js";
import type { Shape } from "../shape.js";
import type { Device } from "./device.js";

/** Where gradients are compared with central differences. */
export interface GradientCheck<Shapes extends readonly Shape[]> {
  /** Values at which the gradients are taken; far from kinks. */
  readonly inputs: { readonly [At in keyof Shapes]: { readonly data: Float32Array; readonly shape: Shapes[At] } };
  /** Half the distance of the central difference; 0.01 by default, good for values of the order of 1. */
  readonly step?: number;
}

type Leaves<Shapes extends readonly Shape[]> = { [At in keyof Shapes]: Tensor<Shapes[At], "f32"> };

/**
 * How far gradients are from central differences: of Σ w ⊙ f(inputs), w fixed and wavy, along one direction for each
 * input, |gradient·d − difference| / max(1, |difference|); the largest of the inputs. Below 0.005 for a right gradient
 * and values of the order of 1, where f32's rounding ends.
 */
export async function gradientError<const Shapes extends readonly Shape[]>(
  device: Device,
  f: (...inputs: Leaves<Shapes>) => Tensor,
  { inputs, step = 1e-2 }: GradientCheck<Shapes>,
): Promise<number> {
  const build = (data: readonly Float32Array[]) => {
    const leaves = inputs.map(({ shape }, i) => constant(data[i] as Float32Array, shape));
    const output = f(...(leaves as Leaves<Shapes>));
    const size = output.shape.reduce((product, extent) => product * extent, 1);
    return { loss: sum(multiply(output, constant(wavy(size, 5), output.shape))), leaves };
  };
  const start = inputs.map(({ data }) => data);
  const { loss, leaves } = build(start);
  const found: Readonly<Record<string, ArrayLike<number>>> = await device.evaluate(
    Object.fromEntries(gradients(loss, leaves).map((gradient, i) => [`gradient${i}`, gradient])),
  );
  let worst = 0;
  for (const [which, { data }] of inputs.entries()) {
    const direction = wavy(data.length, 9 + which);
    const lossAt = async (distance: number): Promise<number> => {
      const moved = start.map((each, i) =>
        i === which ? each.map((value, k) => value + distance * (direction[k] ?? 0)) : each,
      );
      return (await device.evaluate({ loss: build(moved).loss })).loss[0] ?? Number.NaN;
    };
    const difference = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
    const gradient = found[`gradient${which}`] ?? [];
    const along = direction.reduce((total, value, k) => total + value * (gradient[k] ?? Number.NaN), 0);
    const error = Math.abs(along - difference) / Math.max(1, Math.abs(difference));
    worst = Math.max(worst, error); // NaN stays
  }
  return worst;
}

/** Numbers of both signs without a pattern that an error could hide in. */
const wavy = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.fround(Math.sin(1.7 * i + seed) + 0.3 * Math.cos(0.9 * i * i + seed)));
